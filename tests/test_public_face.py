"""What `import afunet` gives: its names, its cost, and from memory the same as from files."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK
from tests.refusals import refused

import afunet
from afunet.errors import (
    CheckpointError,
    ConfigError,
    DeviceError,
    GeometryError,
    InputError,
    OutputError,
)
from afunet.faults import code_of
from afunet.formats.nifti import write_nifti
from afunet.geometry import Volume
from afunet.workflows import network

DOCS = Path(__file__).parents[1] / "docs" / "python.md"
FACE = {
    "AfunetError": "message=, *, code=",
    "AnalysisRules": "cleanup=, max_triangles=, max_error_mm=, pieces=, trust=, fast=",
    "LegConfig": "seed=, grid=, anatomy=, bone=, soft=, fractures=, implants=, feet=, organs=, "
    "clutter=, surroundings=, scanner=",
    "Mesh": "vertices_mm, faces",
    "SegmentOptions": "weights=, device=, runtime=, series=, spacing_mm=, strict=, formats=, "
    "segmentation_kind=, deidentify=, cleanup=, max_triangles=, max_error_mm=, fast=",
    "Volume": "voxels, affine",
    "analyse": "scan, network, rules=, watch=",
    "build_model": "name, options=, *, seed=",
    "evaluate": "prediction, truth, *, names=, spacing_mm=",
    "load_network": "weights=, device=, watch=, *, runtime=, fast=",
    "read_scan": "path, *, series=, spacing_mm=, strict=, watch=",
    "segment": "source, output=, options=, *, spacing_mm=, watch=",
    "simulate": "config, watch=",
}
LOADED = """
import json, sys
before = set(sys.modules)
import afunet
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def parameters(function: Callable[..., Any]) -> str:
    """Names of parameters, = for a default, * before those that are given by name only."""
    told: list[str] = []
    for one in inspect.signature(function).parameters.values():
        if one.kind is one.KEYWORD_ONLY and "*" not in told:
            told.append("*")
        told.append(one.name if one.default is one.empty else f"{one.name}=")
    return ", ".join(told)


def test_the_names_and_their_parameters() -> None:
    assert set(afunet.__all__) == {*FACE, "__version__"}
    assert set(afunet.__all__) <= set(dir(afunet))
    assert {name: parameters(getattr(afunet, name)) for name in FACE} == FACE


def test_the_version_is_that_of_the_package() -> None:
    assert afunet.__version__ == version("afunet")


@pytest.mark.parametrize("kind", [InputError, GeometryError, ConfigError])
def test_every_refusal_has_a_code(kind: type[afunet.AfunetError]) -> None:
    assert kind("wrong", code="BAD_SHAPE").code == "BAD_SHAPE"
    assert kind("wrong").code == code_of(kind("wrong")) != ""


def test_a_name_that_is_not_there_is_told() -> None:
    with pytest.raises(AttributeError, match="nothing_here"):
        _ = afunet.nothing_here


def test_the_import_loads_nothing_but_the_standard_library() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout)}
    assert loaded - sys.stdlib_module_names == {"afunet"}


@pytest.fixture
def options(weights: Path) -> afunet.SegmentOptions:
    return afunet.SegmentOptions(weights=weights)


def as_nibabel(volume: Volume) -> Any:
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ volume.affine
    return nibabel.Nifti1Image(volume.voxels.transpose(2, 1, 0), affine)


def as_simpleitk(volume: Volume) -> Any:
    image = SimpleITK.GetImageFromArray(volume.voxels)
    image.SetSpacing(volume.spacing_mm.tolist())
    image.SetOrigin(volume.origin_mm.tolist())
    image.SetDirection(volume.directions.ravel().tolist())
    return image


@pytest.mark.parametrize("make", [lambda volume: volume, as_nibabel, as_simpleitk])
def test_an_image_in_memory_is_read_as_its_file_is(
    make: Callable[[Volume], Any], cylinder: Volume, tmp_path: Path
) -> None:
    oblique = np.array([[0.0, 0.8, 0.0, 5], [-1.2, 0, 0, 7], [0, 0, -2, 9], [0, 0, 0, 1]])
    volume = Volume(cylinder.voxels, oblique)
    write_nifti(volume, tmp_path / "ct.nii.gz")
    read, known = afunet.read_scan(tmp_path / "ct.nii.gz"), afunet.read_scan(make(volume))
    assert np.array_equal(known.volume.voxels, read.volume.voxels)
    assert known.volume.voxels.dtype == np.int16
    assert known.volume.same_grid(read.volume, 1e-3)
    assert known.findings == read.findings
    assert known.source.spacing_known


def test_an_array_tells_neither_sides_nor_without_a_spacing_millimetres(cylinder: Volume) -> None:
    bare = afunet.read_scan(cylinder.voxels.astype(np.float64))
    assert {"SPACING_UNKNOWN", "ORIENTATION_UNKNOWN"} <= {one.code for one in bare.findings}
    assert not bare.source.spacing_known
    sized = afunet.read_scan(cylinder.voxels, spacing_mm=(1.0, 1.0, 2.0))
    codes = {one.code for one in sized.findings}
    assert "ORIENTATION_UNKNOWN" in codes
    assert "SPACING_UNKNOWN" not in codes
    assert sized.volume.spacing_mm.tolist() == [1.0, 1.0, 2.0]


def test_nibabel_that_does_not_say_how_it_lies_has_no_sides(cylinder: Volume) -> None:
    unplaced = nibabel.Nifti1Image(cylinder.voxels.transpose(2, 1, 0), None)
    codes = {one.code for one in afunet.read_scan(unplaced).findings}
    assert "ORIENTATION_UNKNOWN" in codes


@pytest.mark.parametrize(
    ("image", "spacing_mm", "error"),
    [
        (np.zeros((4, 4), np.int16), None, GeometryError),
        (np.zeros((4, 4, 4), np.complex64), None, InputError),
        (np.zeros((4, 4, 4), np.int16), None, InputError),  # constant
        (np.zeros((4, 4, 4), np.int16), (1.0, 0.0, 1.0), ConfigError),
        (Volume(np.zeros((4, 4, 4), np.int16), np.eye(4)), (1.0, 1.0, 1.0), ConfigError),
        (nibabel.Nifti1Image(np.zeros((4, 4, 4, 2), np.int16), np.eye(4)), None, InputError),
        (SimpleITK.Image(4, 4, SimpleITK.sitkInt16), None, InputError),
    ],
)
def test_what_is_no_scan_is_refused(
    image: Any, spacing_mm: tuple[float, float, float] | None, error: type[Exception]
) -> None:
    with pytest.raises(error):
        afunet.read_scan(image, spacing_mm=spacing_mm)


NIFTI = nibabel.Nifti1Image
CUBE = np.arange(64, dtype=np.int16).reshape(4, 4, 4)
LABEL_MAP = SimpleITK.Cast(SimpleITK.Image(4, 4, 4, SimpleITK.sitkUInt8), SimpleITK.sitkLabelUInt8)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (None, "NOT_A_VOLUME"),
        (3, "NOT_A_VOLUME"),
        (b"ct", "NOT_A_VOLUME"),
        (CUBE.tolist(), "NOT_A_VOLUME"),
        ([CUBE[0], CUBE[1]], "NOT_A_VOLUME"),
        ("", "NOTHING_GIVEN"),
        (np.array(3.0), "BAD_SHAPE"),
        (CUBE[:, :0].astype(np.float32), "BAD_SHAPE"),
        (np.ma.masked_less(CUBE, 9), "NOT_FINITE"),
        (NIFTI(CUBE[0], np.eye(4)), "NOT_A_VOLUME"),
        (nibabel.MGHImage(CUBE.astype(np.float32), None), "NO_PLACEMENT"),
        (nibabel.AnalyzeImage(CUBE, np.eye(4)), "ANALYZE"),
        (LABEL_MAP, "NOT_A_VOLUME"),
    ],
)
def test_any_other_object_is_refused_in_one_line(source: Any, code: str) -> None:
    with refused(InputError, code):
        afunet.read_scan(source)
    with refused(InputError, code):
        afunet.evaluate(source, CUBE)


@pytest.mark.parametrize(
    "spacing_mm",
    [(), (1.0,), (1.0, 1.0), (1.0,) * 4, 1.0, "1", ("1", "1", "1"), (None,) * 3, (1.0, -1.0, 1.0)],
    ids=str,
)
def test_a_spacing_is_three_numbers_above_0(cylinder: Volume, spacing_mm: Any) -> None:
    with refused(ConfigError, "CONFIG_ERROR", repr(spacing_mm)):
        afunet.read_scan(cylinder.voxels, spacing_mm=spacing_mm)
    with refused(ConfigError, "CONFIG_ERROR", repr(spacing_mm)):
        afunet.segment(cylinder.voxels, spacing_mm=spacing_mm)


def test_a_spacing_may_be_an_array(cylinder: Volume, options: afunet.SegmentOptions) -> None:
    spacing_mm: Any = np.array([1.0, 1.0, 2.0])
    case = afunet.segment(cylinder.voxels, None, options, spacing_mm=spacing_mm)
    assert case.mask.spacing_mm.tolist() == [1.0, 1.0, 2.0]


def test_options_that_an_image_cannot_follow_are_refused(cylinder: Volume) -> None:
    with refused(ConfigError, "OPTIONS_CLASH"):
        afunet.read_scan(cylinder, series="1")
    with refused(ConfigError, "OPTIONS_CLASH"):
        afunet.read_scan(cylinder, spacing_mm=(1.0, 1.0, 1.0))


def test_an_affine_that_was_changed_in_memory_counts_as_in_its_file(
    cylinder: Volume, tmp_path: Path
) -> None:
    image = as_nibabel(cylinder)
    image.affine[0, 3] += 11
    moved = afunet.read_scan(image)
    nibabel.save(image, tmp_path / "ct.nii")
    assert moved.volume.same_grid(afunet.read_scan(tmp_path / "ct.nii").volume, 1e-3)
    assert not moved.volume.same_grid(cylinder, 1.0)
    image.affine[:] = np.nan
    with refused(GeometryError, "NO_PLACEMENT"):
        afunet.read_scan(image)


def test_a_nibabel_image_whose_file_is_gone_or_cut_off_is_refused(
    cylinder: Volume, tmp_path: Path
) -> None:
    path = tmp_path / "ct.nii.gz"
    write_nifti(cylinder, path)
    cut, gone = nibabel.load(path), nibabel.load(path)
    path.write_bytes(path.read_bytes()[:400])
    with refused(InputError, "FILE_CUT"):
        afunet.read_scan(cut)
    path.unlink()
    with refused(InputError, "UNREADABLE"):
        afunet.read_scan(gone)


@pytest.mark.parametrize(
    ("voxels", "affine", "code"),
    [
        (CUBE.tolist(), np.eye(4), "BAD_SHAPE"),
        (CUBE, "axial", "BAD_AFFINE"),
        (CUBE, None, "BAD_AFFINE"),
        (CUBE, np.eye(3), "BAD_AFFINE"),
        (CUBE, np.diag([1.0, 1.0, 1.0, 2.0]), "BAD_AFFINE"),
    ],
)
def test_a_volume_is_an_array_and_an_affine(voxels: Any, affine: Any, code: str) -> None:
    with refused(GeometryError, code):
        Volume(voxels, affine)


@pytest.mark.parametrize(
    ("wrong", "fact"),
    [
        ({"device": "tpu"}, "tpu"),
        ({"device": None}, "None"),
        ({"segmentation_kind": "bits"}, "bits"),
        ({"formats": "nifti"}, "nifti"),
        ({"formats": None}, "None"),
        ({"formats": ("doc", 3)}, "doc"),
        ({"max_triangles": "many"}, "many"),
        ({"max_error_mm": "0.1"}, "0.1"),
    ],
)
def test_a_wrong_option_is_refused_before_the_work(wrong: dict[str, Any], fact: str) -> None:
    with refused(ConfigError, "CONFIG_ERROR", fact):
        afunet.SegmentOptions(**wrong)


def test_options_may_be_strings(
    cylinder: Volume, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind: Any = "fractional"
    assert afunet.SegmentOptions(segmentation_kind=kind).segmentation_kind is not kind
    device: Any = "cuda"
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    for call in (
        lambda: afunet.segment(cylinder, options=afunet.SegmentOptions(str(weights), device)),
        lambda: afunet.load_network(str(weights), device),
    ):
        with refused(DeviceError, "NO_CUDA"):
            call()
    assert afunet.load_network(str(weights)).sha256 == afunet.load_network(weights).sha256


@pytest.mark.parametrize("path", ["nowhere.safetensors", "", 3], ids=str)
def test_weights_that_are_not_there_are_refused(path: Any) -> None:
    with refused(CheckpointError, "NO_WEIGHTS", path):
        afunet.load_network(path)


@pytest.mark.parametrize("output", ["", 3], ids=repr)
def test_an_output_that_is_no_path_is_refused(
    cylinder: Volume, options: afunet.SegmentOptions, output: Any
) -> None:
    with refused(OutputError, "NOT_A_FOLDER", repr(output)):
        afunet.segment(cylinder, output, options)


def test_options_for_reading_are_refused_for_a_scan_that_is_read(
    cylinder: Volume, weights: Path
) -> None:
    scan, wrong = afunet.read_scan(cylinder), {"weights": weights}
    for option in ({"series": "1"}, {"spacing_mm": (1.0, 1.0, 1.0)}):
        choices: Any = {**wrong, **option}
        with refused(ConfigError, "OPTIONS_CLASH"):
            afunet.segment(scan, options=afunet.SegmentOptions(**choices))
    with refused(ConfigError, "CONFIG_ERROR", "dict"):
        afunet.segment(scan, options=wrong)  # type: ignore[call-overload]
    with refused(InputError, "NOT_A_VOLUME", "Volume"):
        afunet.analyse(cylinder, afunet.load_network(weights))  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [-1, "one", 0.5, None])
def test_a_seed_is_a_whole_number_from_0(seed: Any) -> None:
    with refused(ConfigError, "CONFIG_ERROR", repr(seed)):
        afunet.LegConfig(seed=seed)


def test_a_case_in_memory_is_the_one_that_is_written(
    cylinder: Volume,
    options: afunet.SegmentOptions,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    small_pictures: None,
) -> None:
    monkeypatch.chdir(tmp_path)
    case = afunet.segment(cylinder, options=options)
    assert list(tmp_path.iterdir()) == []
    written = afunet.segment(cylinder, tmp_path / "out", options)
    assert (written.folder / "mask.nii.gz").is_file()
    assert np.array_equal(case.mask.voxels, cylinder.voxels == 900)
    assert np.array_equal(case.mask.voxels, written.mask.voxels)
    assert np.array_equal(case.labels.voxels, written.labels.voxels)
    assert case.report.pieces == written.report.pieces
    assert case.report.flags == written.report.flags
    assert case.report.findings == written.report.findings
    assert (case.report.files, case.report.not_written) == ((), ())
    (piece,) = case.pieces
    assert piece.measures.volume_mm3 == np.count_nonzero(case.mask.voxels) * 2.0
    assert case.meshes[piece.name].is_watertight
    assert case.mesh is not None
    assert case.mesh.volume_mm3 == pytest.approx(piece.measures.volume_mm3, rel=0.1)


def test_analyse_leaves_out_what_is_not_asked_for(cylinder: Volume, weights: Path) -> None:
    loaded = afunet.load_network(weights)
    rules = afunet.AnalysisRules(pieces=False, trust=False)
    found = afunet.analyse(afunet.read_scan(cylinder), loaded, rules)
    assert np.array_equal(found.mask.voxels, cylinder.voxels == 900)
    assert (found.mesh, found.trust, found.missing) == (None, None, ())
    assert found.instances.pieces == ()
    assert set(found.seconds) == {"network", "clean-up", "other"}
    assert found.prediction.usage.windows > 0


def test_evaluate_takes_arrays_volumes_and_paths(tmp_path: Path) -> None:
    true = np.zeros((4, 8, 8), np.uint8)
    true[1:3, 2:6, 2:6] = 1
    found = np.roll(true, 1, axis=2)  # 3 of its 4 columns are right
    placed = Volume(true, np.diag([2.0, 2.0, 3.0, 1.0]))
    write_nifti(placed, tmp_path / "true.nii.gz")
    arrays = afunet.evaluate(found, true, spacing_mm=(2.0, 2.0, 3.0))
    assert arrays.values["dice"] == 0.75
    assert arrays.values["hd95_mm"] == 2.0
    for truth in (placed, tmp_path / "true.nii.gz"):
        assert afunet.evaluate(found != 0, truth).values == arrays.values
        assert afunet.evaluate(truth, found).values["dice"] == 0.75
    with pytest.raises(GeometryError):
        afunet.evaluate(found[1:], placed)


def test_evaluate_tells_labels_apart() -> None:
    true = np.zeros((4, 8, 8), np.uint8)
    true[:, :3], true[:, 4:] = 1, 2
    found = np.where(true == 2, 0, true)
    found[0, 5] = 2
    first, second = afunet.evaluate(found, true, names={1: "tibia", 2: "fibula"}).structures
    assert (first.structure, first.values["dice"]) == ("tibia", 1.0)
    assert (second.structure, second.values["recall"]) == ("fibula", 1 / 16)


NOTEBOOK = """
import afunet
from afunet.phantom import axial_grid

grid = axial_grid((4, 48, 48), 3.0, 3.0, (100.0, 10.0, 10.0))
leg = afunet.simulate(afunet.LegConfig(seed=1, grid=grid))
case = afunet.segment(leg.volume)
table = [(piece.name, piece.bone.side, piece.measures.volume_mm3) for piece in case.pieces]
surfaces = [case.meshes[name].volume_mm3 for name, *_ in table]
scores = afunet.evaluate(case.mask, leg.bones.foreground())
assert case.report.bone.volume_cm3 > 20
assert scores.values["dice"] > 0.5
assert set(case.meshes) == {name for name, *_ in table}
assert len(table) == len(surfaces) > 0
"""


def test_a_notebook_of_twelve_lines() -> None:
    assert len([line for line in NOTEBOOK.splitlines() if line]) == 12
    exec(NOTEBOOK, {})


@pytest.mark.usefixtures("small_pictures")
def test_every_block_of_the_page_runs(
    cylinder: Volume,
    weights: Path,
    write_dicom: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the network that finds the cylinder's bone: no page is worth half a minute a scan."""
    monkeypatch.setattr(network, "shipped_path", lambda **_: weights)
    write_dicom(tmp_path / "ct", cylinder)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) > 5
    page: dict[str, Any] = {"__name__": "page"}
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), page)
    assert (tmp_path / "out" / "report.json").is_file()
