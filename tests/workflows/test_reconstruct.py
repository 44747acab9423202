import json
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image
from tests.refusals import refused

from afunet.errors import Cancelled, ConfigError, InputError
from afunet.formats.mesh_files import read_mesh
from afunet.formats.nifti import write_nifti
from afunet.formats.readers import read_labels
from afunet.geometry import Volume
from afunet.reconstruction.pieces import MOST_PIECES
from afunet.watch import CancelToken, Watch
from afunet.workflows.reconstruct import reconstruct

BESIDE = ["instances.nii.gz", "scene.png", "pieces.json"]
LIST = ".afunet.json"
pytestmark = pytest.mark.usefixtures("small_pictures")


@pytest.fixture
def label_file(tmp_path: Path) -> Path:
    """Label 7 in columns 4–11, rows 6–13, slices 3–8 of voxels of 0.5 × 0.5 × 2 mm.

    Voxel (0, 0, 0) lies at (-100, 50, 300) mm, so that the block reaches from its first voxels'
    outer faces (-98.25, 52.75, 305) to its last ones' (-94.25, 56.75, 317).
    """
    voxels = np.zeros((12, 20, 20), np.uint8)
    voxels[3:9, 6:14, 4:12] = 7
    affine = np.diag([0.5, 0.5, 2.0, 1.0])
    affine[:3, 3] = (-100.0, 50.0, 300.0)
    path = tmp_path / "labels.nii.gz"
    write_nifti(Volume(voxels, affine), path)
    return path


def test_a_block_of_labels_becomes_a_block_of_the_same_place_and_size(
    label_file: Path, tmp_path: Path
) -> None:
    done = reconstruct(label_file, tmp_path / "out")
    assert [path.name for path in done.files] == ["bone.stl", *BESIDE]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"bone.stl", LIST, *BESIDE}
    mesh = read_mesh(tmp_path / "out" / "bone.stl")
    low, high = mesh.bounds_mm()
    assert np.allclose((low + high) / 2, (-96.25, 54.75, 311.0), atol=1e-3)
    assert np.allclose(low, (-98.25, 52.75, 305.0), atol=(0.25, 0.25, 1.0))
    assert np.allclose(high, (-94.25, 56.75, 317.0), atol=(0.25, 0.25, 1.0))
    assert mesh.is_watertight
    assert mesh.volume_mm3 == pytest.approx(4 * 4 * 12, rel=0.15)


def test_pieces_are_numbered_measured_and_have_a_surface_each(tmp_path: Path) -> None:
    voxels = np.zeros((12, 20, 30), np.uint8)
    voxels[2:10, 5:15, 3:15], voxels[2:10, 5:15, 20:27] = 4, 9
    write_nifti(Volume(voxels, np.eye(4)), tmp_path / "two.nii.gz")
    done = reconstruct(tmp_path / "two.nii.gz", tmp_path / "out", ("obj",))
    assert [str(path.relative_to(tmp_path / "out")) for path in done.files] == [
        "bone.obj",
        "bones/piece-1.obj",
        "bones/piece-2.obj",
        *BESIDE,
    ]
    labels = read_labels(tmp_path / "out" / "instances.nii.gz").voxels
    assert np.array_equal(labels, np.array([0, 0, 0, 0, 1, 0, 0, 0, 0, 2])[voxels])
    told = json.loads((tmp_path / "out" / "pieces.json").read_text())
    assert told["files"] == [path.relative_to(tmp_path / "out").as_posix() for path in done.files]
    assert told["findings"] == []
    first, second = told["pieces"]
    assert (first["name"], first["volume_mm3"], first["mean_hu"]) == ("piece 1", 960.0, None)
    assert (second["nearest"], second["volume_mm3"]) == ("piece 1", 560.0)
    assert read_mesh(done.files[2]).volume_mm3 == pytest.approx(560, rel=0.1)


def test_each_format_that_is_asked_for_is_written(label_file: Path, tmp_path: Path) -> None:
    done = reconstruct(label_file, tmp_path / "out", ("ply", "stl"))
    assert [path.name for path in done.files] == ["bone.ply", "bone.stl", *BESIDE]
    ply, stl = read_mesh(done.files[0]), read_mesh(done.files[1])
    assert np.allclose(ply.bounds_mm(), stl.bounds_mm())


def test_a_format_that_nobody_writes_is_refused(label_file: Path, tmp_path: Path) -> None:
    with refused(ConfigError, "CONFIG_ERROR", "vrml"):
        reconstruct(label_file, tmp_path / "out", ("vrml",))
    assert not (tmp_path / "out").exists()


def test_a_surface_can_be_simplified(label_file: Path, tmp_path: Path) -> None:
    whole = reconstruct(label_file, tmp_path / "whole").mesh
    simple = reconstruct(label_file, tmp_path / "simple", max_triangles=200).mesh
    assert len(simple.faces) <= 220 < len(whole.faces)
    assert simple.is_watertight


def test_an_empty_mask_gives_an_empty_surface(tmp_path: Path) -> None:
    write_nifti(Volume(np.zeros((2, 3, 4), np.uint8), np.eye(4)), tmp_path / "empty.nii")
    done = reconstruct(tmp_path / "empty.nii", tmp_path / "out")
    assert done.mesh.is_empty
    assert (tmp_path / "out" / "bone.stl").stat().st_size == 84


def blocks(count: int) -> np.ndarray:
    voxels = np.zeros((13, 30, 30), np.uint8)
    for number in range(count):
        level, row, column = number // 16 * 4 + 1, number // 4 % 4 * 7 + 1, number % 4 * 7 + 1
        voxels[level : level + 2, row : row + 4, column : column + 4] = 1
    return voxels


def noise() -> np.ndarray:
    """Streaks taken for bone everywhere: far more pieces than a byte counts."""
    return (np.random.default_rng(0).random((12, 40, 40)) < 0.2).astype(np.uint8)


ODD = {
    "empty": (np.zeros((5, 6, 7), np.uint8), 0),
    "one voxel": (np.pad(np.ones((1, 1, 1), np.uint8), 3), 1),
    "all bone": (np.ones((4, 5, 6), np.uint8), 1),
    "forty fragments": (blocks(40), 40),
    "one slice": (np.pad(np.ones((1, 9, 12), np.uint8), ((0, 0), (3, 3), (3, 3))), 1),
    "metal everywhere": (noise(), MOST_PIECES),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_masks_end_in_sound_surfaces_and_measures(name: str, tmp_path: Path) -> None:
    voxels, pieces = ODD[name]
    mask = Volume(voxels, np.diag([0.7, 0.7, 1.5, 1.0]))
    write_nifti(mask, tmp_path / "mask.nii.gz")
    done = reconstruct(tmp_path / "mask.nii.gz", tmp_path / "out", ("stl", "vtp", "glb"))
    assert all(path.exists() for path in done.files)
    facts = json.loads((tmp_path / "out" / "pieces.json").read_text())["pieces"]
    assert len(facts) == len(done.instances.pieces) == pieces
    bone_mm3 = np.count_nonzero(voxels) * mask.voxel_volume_mm3
    assert done.mesh.is_watertight == (bone_mm3 > 0)
    assert done.mesh.volume_mm3 == pytest.approx(bone_mm3, rel=0.02)
    for piece in facts:
        assert piece["watertight"]
        assert piece["open_edges"] == piece["nonmanifold_edges"] == 0
    labels = read_labels(tmp_path / "out" / "instances.nii.gz").voxels
    assert np.array_equal(labels != 0, voxels != 0)
    assert int(labels.max()) == pieces + done.instances.not_measured


def test_glb_holds_all_pieces_and_a_file_for_each(tmp_path: Path) -> None:
    write_nifti(Volume(blocks(2), np.eye(4)), tmp_path / "two.nii.gz")
    done = reconstruct(tmp_path / "two.nii.gz", tmp_path / "out", ("glb",))
    names = [str(path.relative_to(tmp_path / "out")) for path in done.files]
    assert names[0] == "bones.glb"
    assert len(names) == 3 + len(BESIDE)
    whole, first = (trimesh.load(path, file_type="glb") for path in done.files[:2])
    assert len(whole.graph.nodes_geometry) == 2
    (name,) = first.graph.nodes_geometry
    assert done.files[1].name == f"{name.replace(' ', '-')}.glb"


def leg() -> Volume:
    """A femur above a tibia with a fibula beside it, as far as the namer asks for."""
    z, y, x = np.mgrid[-75:75, -70:70, -90:90].astype(np.float32)
    voxels = np.zeros(z.shape, np.uint8)
    near = np.clip(40 - np.abs(z), 0, 40)
    voxels[(np.hypot(x, y) < 15 + near * 0.45) & (z > 3)] = 1
    voxels[(np.hypot(x, y) < 13 + near * 0.55) & (z < -3)] = 2
    voxels[(np.hypot(x - 38, y - 14) < 7) & (z < -18)] = 3
    return Volume(voxels, np.eye(4))


@pytest.mark.parametrize("placed", [True, False])
def test_a_mask_that_does_not_say_how_it_lies_has_no_sides(tmp_path: Path, placed: bool) -> None:
    write_nifti(leg(), tmp_path / "leg.nii")
    if not placed:
        with (tmp_path / "leg.nii").open("r+b") as file:
            file.seek(252)  # qform_code and sform_code (nifti1.h)
            file.write(bytes(4))
    done = reconstruct(tmp_path / "leg.nii", tmp_path / "out")
    told = json.loads((tmp_path / "out" / "pieces.json").read_text())
    sides = {piece["side"] for piece in told["pieces"]}
    sided = [path for path in done.files if "left" in path.name or "right" in path.name]
    assert bool(sides - {""}) == bool(sided) == placed
    codes = {finding["code"] for finding in told["findings"]}
    assert ("ORIENTATION_UNKNOWN" in codes) == (not placed)
    assert codes == {finding.code for finding in done.findings}
    assert {piece["bone"] for piece in told["pieces"]} & {"femur", "tibia"}


def test_png_masks_have_neither_names_nor_sides(tmp_path: Path) -> None:
    for number, plane in enumerate(leg().voxels[::6]):
        Image.fromarray((plane > 0).astype(np.uint8) * 255).save(tmp_path / f"{number}.png")
    done = reconstruct(tmp_path, tmp_path / "out")
    assert all(str(piece.bone.bone) == "unknown" for piece in done.instances.pieces)
    codes = {finding.code for finding in done.findings}
    assert codes == {"SPACING_UNKNOWN", "ORIENTATION_ASSUMED", "MASK_VALUE"}


def test_voxels_marked_as_not_labelled_are_no_bone(tmp_path: Path) -> None:
    write_nifti(Volume(np.full((2, 3, 4), -1, np.int16), np.eye(4)), tmp_path / "minus.nii")
    with refused(InputError, "NEGATIVE_LABELS", -1):
        reconstruct(tmp_path / "minus.nii", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_nothing_of_an_earlier_case_stays_beside_a_new_one(tmp_path: Path) -> None:
    write_nifti(Volume(blocks(2), np.eye(4)), tmp_path / "a.nii.gz")
    write_nifti(Volume(np.zeros((3, 4, 5), np.uint8), np.eye(4)), tmp_path / "b.nii.gz")
    reconstruct(tmp_path / "a.nii.gz", tmp_path / "out", ("stl", "glb"))
    (tmp_path / "out" / "mine.txt").write_text("mine")
    done = reconstruct(tmp_path / "b.nii.gz", tmp_path / "out")
    left = {p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*")}
    assert left == {*(path.name for path in done.files), LIST, "mine.txt"}


def test_labels_that_are_no_whole_numbers_are_refused(tmp_path: Path) -> None:
    write_nifti(Volume(np.full((2, 3, 4), 0.5, np.float32), np.eye(4)), tmp_path / "half.nii")
    with refused(InputError, "BAD_LABELS"):
        reconstruct(tmp_path / "half.nii", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_reconstruction_can_be_cancelled(label_file: Path, tmp_path: Path) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        reconstruct(label_file, tmp_path / "out", watch=Watch(cancel=cancel))
    assert not (tmp_path / "out").exists()
