import csv
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image
from tests.refusals import refused
from vtkmodules.vtkFiltersSources import vtkCubeSource
from vtkmodules.vtkIOGeometry import vtkSTLWriter

from afunet.data.cases import read_slice_table
from afunet.data.slices import load_slices
from afunet.errors import AfunetError, Cancelled, ConfigError, GeometryError, InputError
from afunet.formats.readers import read_labels, read_scan
from afunet.phantom import (
    SIMULATOR,
    VERSION,
    LegConfig,
    Region,
    SimulatedLeg,
    Source,
    TrainingSlice,
    draw_leg,
)
from afunet.phantom.drawing import slices
from afunet.phantom.drawing.examples import KNEE_GRID, LIMB_GRID, MARGIN_MM
from afunet.watch import CancelToken, Watch
from afunet.workflows import phantom
from afunet.workflows.phantom import (
    PhantomFiles,
    ScanFormat,
    choose_leg,
    limb_files,
    regions_of,
    scan_format_of,
    write_phantom,
    write_training_slices,
)
from afunet.workflows.prepare import prepare


@pytest.fixture(scope="module")
def written(
    tiny_leg: LegConfig, tmp_path_factory: pytest.TempPathFactory
) -> tuple[SimulatedLeg, PhantomFiles]:
    return write_phantom(tiny_leg, tmp_path_factory.mktemp("phantom") / "leg")


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_phantom_is_a_scan_with_its_exact_answer(
    written: tuple[SimulatedLeg, PhantomFiles],
) -> None:
    _, files = written
    names = {path.name for path in files.truth.parent.iterdir()}
    answer = {"truth.nii.gz", "bones.nii.gz", "fragments.nii.gz", "labels.json"}
    assert names == {"dicom", ".afunet.json"} | answer
    assert files.scan.name == "dicom"
    assert len(list(files.scan.iterdir())) == 3


def test_the_series_reads_back_to_the_same_values_in_the_same_place(
    written: tuple[SimulatedLeg, PhantomFiles],
) -> None:
    leg, files = written
    scan = read_scan(files.scan)
    assert np.array_equal(scan.volume.voxels, leg.volume.voxels)
    assert scan.volume.same_grid(leg.volume, tolerance_mm=1e-6)


def test_the_labels_are_exact_and_their_names_are_written(
    written: tuple[SimulatedLeg, PhantomFiles],
) -> None:
    leg, files = written
    truth, bones, fragments = map(read_labels, (files.truth, files.bones, files.fragments))
    assert np.array_equal(bones.voxels, leg.bones.volume.voxels)
    assert np.array_equal(fragments.voxels, leg.fragments.volume.voxels)
    assert np.array_equal(truth.voxels, bones.voxels > 0)
    assert 0.05 < truth.voxels.mean() < 0.5
    assert truth.same_grid(leg.volume)
    named = json.loads((files.truth.parent / "labels.json").read_text())
    assert named["bones"] == {str(label): name for label, name in leg.bones.names.items()}
    assert "femur left" in named["bones"].values()
    assert named["simulator"] == {"version": VERSION, "seed": leg.config.seed}
    assert set(np.unique(bones.voxels)) - {0} <= set(map(int, named["bones"]))


def test_a_store_of_simulated_legs_names_their_simulator(
    written: tuple[SimulatedLeg, PhantomFiles], tmp_path: Path
) -> None:
    prepare([written[1].truth.parent], tmp_path / "store")
    facts = json.loads((tmp_path / "store" / "store.json").read_text())
    assert (facts["layouts"], facts["simulators"]) == ({"simulated": 1}, [str(VERSION)])


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(
    written: tuple[SimulatedLeg, PhantomFiles], tiny_leg: LegConfig, tmp_path: Path
) -> None:
    write_phantom(tiny_leg, tmp_path / "again")
    write_phantom(replace(tiny_leg, seed=6), tmp_path / "other")
    first = digests(written[1].truth.parent)
    assert digests(tmp_path / "again") == first
    assert digests(tmp_path / "other")["dicom/slice0002.dcm"] != first["dicom/slice0002.dcm"]


def test_a_phantom_can_be_written_where_one_was(tiny_leg: LegConfig, tmp_path: Path) -> None:
    small = replace(tiny_leg, grid=replace(tiny_leg.grid, shape=(2, 40, 40)))
    for config in (tiny_leg, small):
        _, files = write_phantom(config, tmp_path / "leg")
    assert read_scan(files.scan).volume.shape == (2, 40, 40)


def test_a_phantom_as_nifti(tiny_leg: LegConfig, tmp_path: Path) -> None:
    leg, files = write_phantom(tiny_leg, tmp_path, ScanFormat.NIFTI)
    assert files.scan == tmp_path / "ct.nii.gz"
    assert SIMULATOR.encode() in nibabel.load(files.scan).header["descrip"].item()
    scan = read_scan(files.scan).volume
    assert np.array_equal(scan.voxels, leg.volume.voxels)
    assert scan.same_grid(leg.volume)


def test_cancelling_a_phantom_leaves_nothing(tiny_leg: LegConfig, tmp_path: Path) -> None:
    cancel = CancelToken()
    seen: list[int] = []

    def progress(stage: str, done: int, total: int) -> None:
        seen.append(done)
        cancel.cancel()

    with pytest.raises(Cancelled):
        write_phantom(tiny_leg, tmp_path / "leg", watch=Watch(progress, cancel))
    assert seen == [0]
    assert list(tmp_path.iterdir()) == []


def test_scan_formats_go_by_name() -> None:
    assert scan_format_of("nifti") is ScanFormat.NIFTI
    with refused(ConfigError, "CONFIG_ERROR", "'png'", "dicom, nifti"):
        scan_format_of("png")


# Simulating slices of 512² takes seconds: these come ready.


def three_slices(
    seed: int, count: int, limb_files: Sequence[Path] = (), **_: object
) -> Iterator[TrainingSlice]:
    """Two slices of one leg and one of the next, each with another number of bone pixels."""
    for index in range(count):
        hu = np.full((8, 8), -1000, np.int16)
        mask = np.zeros((8, 8), np.uint8)
        hu[: index + 1], mask[: index + 1] = 1300, 1
        hu[7, 7] = 500
        yield TrainingSlice(hu, mask, 0.5, 10.0 * index, seed + index // 2)


@pytest.fixture
def ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phantom, "training_slices", three_slices)


@pytest.mark.usefixtures("ready")
def test_training_slices_are_read_as_any_other_slice_folder(tmp_path: Path) -> None:
    write_training_slices(tmp_path / "sim", 3, seed=40, split="val")
    records = read_slice_table(tmp_path / "sim")
    assert [(record.case, record.level) for record in records] == [
        ("sim00040", 0),
        ("sim00040", 1),
        ("sim00041", 0),
    ]
    assert {record.split for record in records} == {"val"}
    assert all(record.patient == record.case for record in records)
    loaded = load_slices(records)
    assert [int(item.mask.sum()) for item in loaded] == [8, 16, 24]
    grey = loaded[0].grey[0] if loaded[0].grey.ndim == 3 else loaded[0].grey
    assert grey[0, 0] == 255  # 1300 HU
    assert grey[7, 0] == 0  # air
    assert grey[7, 7] == round((500 + 300) / 1600 * 255)


@pytest.mark.usefixtures("ready")
def test_training_slices_say_that_their_labels_are_exact_and_their_pixel_size(
    tmp_path: Path,
) -> None:
    write_training_slices(tmp_path, 1, seed=1)
    with (tmp_path / "slices.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["status"], row["labelled"], row["spacing_mm"]) == ("exact", "1", "0.5000")
    assert row["simulator"] == str(VERSION)
    with Image.open(tmp_path / "sim00001" / "masks" / "00.png") as mask:
        assert mask.mode == "L"


@pytest.mark.usefixtures("ready")
def test_training_slices_can_be_written_where_some_were(tmp_path: Path) -> None:
    for count in (3, 1):
        write_training_slices(tmp_path / "sim", count, seed=1)
    assert len(read_slice_table(tmp_path / "sim")) == 1


@pytest.mark.usefixtures("ready")
def test_training_slices_that_nobody_could_read_are_not_written(tmp_path: Path) -> None:
    with refused(AfunetError, "CONFIG_ERROR", "dev"):
        write_training_slices(tmp_path / "sim", 1, split="dev")
    with refused(AfunetError, "CONFIG_ERROR", -1):
        write_training_slices(tmp_path / "sim", -1)
    assert list(tmp_path.iterdir()) == []


def test_training_slices_take_the_regions_asked_for_in_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Region | None] = []

    def noted(seed: int, region: Region | None, *_: object, **__: object) -> LegConfig:
        asked.append(region)
        return draw_leg(seed, Region.KNEE, size=32, slices=2)

    monkeypatch.setattr(slices, "draw_leg", noted)
    write_training_slices(
        tmp_path / "sim",
        3,
        limb_files=[Path("a.npz")],
        per_leg=1,
        regions=regions_of(["hip", "trunk"]),
    )
    assert asked == [Region.HIP, Region.TRUNK, Region.HIP]


def test_regions_are_refused_without_bones_that_have_them(tmp_path: Path) -> None:
    with refused(ConfigError, "OPTIONS_CLASH", "--limbs"):
        write_training_slices(tmp_path / "sim", 3, regions=[Region.HIP])


@pytest.mark.usefixtures("ready")
def test_progress_of_training_slices_counts_up(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    write_training_slices(
        tmp_path, 3, watch=Watch(lambda stage, done, total: seen.append((done, total)))
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_a_leg_is_a_clean_knee_unless_asked_otherwise() -> None:
    leg = choose_leg(3)
    assert (leg.seed, leg.grid, leg.fractures) == (3, KNEE_GRID, ())
    assert leg.anatomy.source is Source.PARAMETRIC


def test_a_fractured_leg_has_a_broken_tibia() -> None:
    (fracture,) = choose_leg(3, fractured=True).fractures
    assert (fracture.bone, fracture.pieces, fracture.chips) == ("tibia left", 3, 3)


def test_dense_tissue_may_be_put_into_the_joint_of_any_leg(tmp_path: Path) -> None:
    chosen = [{}, {"fractured": True}, {"random": True}, {"bones": tmp_path / "limb.npz"}]
    for options in chosen:
        leg, plain = (choose_leg(4, joint_tissue=dense, **options) for dense in (True, False))
        assert leg.soft.joint_tissue
        assert replace(leg, soft=replace(leg.soft, joint_tissue=plain.soft.joint_tissue)) == plain


def test_a_random_leg_follows_from_its_seed() -> None:
    assert choose_leg(3, random=True) == choose_leg(3, random=True)
    assert choose_leg(3, random=True) != choose_leg(4, random=True)
    assert choose_leg(3, random=True).grid == KNEE_GRID


def test_a_limb_file_gives_both_legs_from_pelvis_to_ankle(tmp_path: Path) -> None:
    leg = choose_leg(3, bones=tmp_path / "limb.npz")
    assert leg.anatomy.source is Source.LIMB_FILE
    assert leg.anatomy.path == tmp_path / "limb.npz"
    assert leg.anatomy.sides == ("left", "right")
    assert leg.grid == LIMB_GRID


def write_block(path: Path, size_mm: tuple[float, float, float]) -> None:
    block = vtkCubeSource()
    block.SetXLength(size_mm[0])
    block.SetYLength(size_mm[1])
    block.SetZLength(size_mm[2])
    block.SetCenter(10.0, 20.0, 30.0)
    writer = vtkSTLWriter()
    writer.SetFileTypeToBinary()
    writer.SetFileName(str(path))
    writer.SetInputConnection(block.GetOutputPort())
    writer.Write()


def test_a_mesh_folder_is_scanned_whole_with_air_round_it(tmp_path: Path) -> None:
    write_block(tmp_path / "tibia left.stl", (30.0, 20.0, 40.0))
    leg = choose_leg(3, bones=tmp_path)
    assert leg.anatomy.source is Source.FOLDER
    grid = leg.grid.empty()
    first, last = grid.to_mm((0, 0, 0)), grid.to_mm(np.array(grid.shape[::-1]) - 1)
    assert np.allclose((first + last) / 2, (10, 20, 30))
    assert (first[:2] <= (10 - 15 - MARGIN_MM + 1, 20 - 10 - MARGIN_MM + 1)).all()
    assert first[2] <= 30 - 20
    assert last[2] >= 30 + 20


def test_meshes_wider_than_a_scanner_are_refused(tmp_path: Path) -> None:
    write_block(tmp_path / "tibia left.stl", (3000.0, 20.0, 40.0))
    with refused(GeometryError, "MESH_UNIT", 3000):
        choose_leg(3, bones=tmp_path)


def test_a_folder_without_meshes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AfunetError):
        choose_leg(3, bones=tmp_path)
    with pytest.raises(AfunetError):
        choose_leg(3, bones=tmp_path / "nothing")


def test_wishes_that_exclude_each_other_are_refused(tmp_path: Path) -> None:
    for wishes in ({"random": True}, {"fractured": True}):
        with pytest.raises(ConfigError):
            choose_leg(3, bones=tmp_path / "limb.npz", **wishes)
    with pytest.raises(ConfigError):
        choose_leg(3, fractured=True, random=True)


def test_limb_files_go_by_pattern(tmp_path: Path) -> None:
    for name in ("b.npz", "a.npz", "c.txt"):
        (tmp_path / name).touch()
    assert limb_files(f"{tmp_path}/*.npz") == [tmp_path / "a.npz", tmp_path / "b.npz"]
    with refused(InputError, "NO_SUCH_PATH", "*.npy"):
        limb_files(f"{tmp_path}/*.npy")
