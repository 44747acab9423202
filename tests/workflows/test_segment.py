import html
import json
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
from PIL import Image
from tests.refusals import refused

from afunet.errors import Cancelled, ConfigError
from afunet.formats.dicom.segmentation_kind import SegmentationKind
from afunet.formats.mesh_files import read_mesh
from afunet.formats.nifti import write_nifti
from afunet.formats.readers import read_labels, read_scan
from afunet.geometry import Volume
from afunet.models.shipped import shipped_path
from afunet.reconstruction import pieces
from afunet.reconstruction.surface import STAGE
from afunet.report.case.facts import DISCLAIMER
from afunet.watch import CancelToken, Watch
from afunet.workflows import case_pages, case_writing
from afunet.workflows.analyse import PLAN
from afunet.workflows.segment import (
    SegmentedCase,
    SegmentOptions,
    segment,
)
from afunet.workflows.stopwatch import OTHER

BOTH = ("stl", "ply")
SEGMENTING = next(step.name for step in PLAN if step.share == 1)
READING = PLAN[[step.name for step in PLAN].index(SEGMENTING) - 1].name
NAMES = {
    "mask.nii.gz",
    "instances.nii.gz",
    "overlay.png",
    "bone.stl",
    "bone.ply",
    "scene.png",
    "report.json",
    "report.html",
}


def bone_of(scan: Volume) -> np.ndarray:
    return np.asarray(scan.voxels == 900, dtype=np.uint8)


@pytest.fixture(scope="module")
def done(
    cylinder: Volume, weights: Path, tmp_path_factory: pytest.TempPathFactory
) -> SegmentedCase:
    """The cylinder segmented with pictures of full size, drawn by what this machine has."""
    folder = tmp_path_factory.mktemp("whole")
    write_nifti(cylinder, folder / "ct.nii.gz")
    return segment(
        folder / "ct.nii.gz",
        folder / "out",
        SegmentOptions(weights=weights, formats=("nifti", *BOTH)),
    )


def test_all_files_are_there_and_no_other(done: SegmentedCase) -> None:
    assert {path.name for path in done.folder.iterdir()} == NAMES | {".afunet.json"}
    assert set(done.report.files) == NAMES


def test_the_mask_is_the_bone_on_the_scans_grid(done: SegmentedCase, cylinder: Volume) -> None:
    mask = read_labels(done.folder / "mask.nii.gz")
    assert np.array_equal(mask.voxels, bone_of(cylinder))
    assert mask.voxels.dtype == np.uint8
    assert mask.same_grid(cylinder)
    assert np.array_equal(mask.voxels, done.mask.voxels)


def test_the_pieces_are_labelled_and_measured(done: SegmentedCase, cylinder: Volume) -> None:
    labels = read_labels(done.folder / "instances.nii.gz")
    assert np.array_equal(labels.voxels != 0, bone_of(cylinder) != 0)
    (piece,) = done.report.pieces
    assert piece.measures.volume_mm3 == pytest.approx(bone_of(cylinder).sum() * 2.0)
    assert piece.measures.mean_hu == pytest.approx(900)
    assert piece.watertight
    assert abs(piece.deviation.volume_change) < 0.02


def test_fast_mirrors_no_slice_and_says_so(
    cylinder: Volume, weights: Path, done: SegmentedCase
) -> None:
    fast = segment(cylinder, None, SegmentOptions(weights=weights, fast=True))
    assert np.array_equal(fast.mask.voxels, done.mask.voxels)
    for report, mirrored in ((fast.report, 0), (done.report, 1)):
        tried = [one for one in report.confidence.slices if one.flip_dice is not None]
        assert len(tried) == mirrored
        assert report.run.fast is not bool(mirrored)
        assert ("FLIPS_DISAGREE" in report.confidence.words) is not bool(mirrored)


def test_several_pieces_have_a_surface_each(
    tmp_path: Path, cylinder: Volume, weights: Path
) -> None:
    voxels = cylinder.voxels.copy()
    voxels[:, 22:26] = 60  # a cut through the cylinder
    write_nifti(cylinder.with_voxels(voxels), tmp_path / "ct.nii.gz")
    case = segment(tmp_path / "ct.nii.gz", tmp_path / "out", SegmentOptions(weights=weights))
    assert {path.name for path in (case.folder / "bones").iterdir()} == {
        "piece-1.stl",
        "piece-2.stl",
    }
    first, second = case.report.pieces
    assert (first.nearest, second.nearest) == ("piece 2", "piece 1")
    assert first.gap_mm == pytest.approx(4.0, abs=1.0)
    assert {"bones/piece-1.stl", "bones/piece-2.stl"} <= set(case.report.files)
    mesh = read_mesh(case.folder / "bones" / "piece-1.stl")
    assert mesh.is_watertight
    assert mesh.volume_mm3 == pytest.approx(first.measures.volume_mm3, rel=0.03)


def test_each_surface_and_each_picture_is_made_once(
    tmp_path: Path, cylinder: Volume, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: Counter[str] = Counter()

    def counted(where: Any, name: str) -> None:
        make = getattr(where, name)

        def count(*given: Any, **how: Any) -> Any:
            made[f"{where.__name__.rsplit('.', 1)[-1]}.{name}"] += 1
            return make(*given, **how)

        monkeypatch.setattr(where, name, count)

    voxels = cylinder.voxels.copy()
    voxels[:, 22:26] = 60  # a cut through the cylinder
    write_nifti(cylinder.with_voxels(voxels), tmp_path / "ct.nii.gz")
    for where, name in (
        (import_module("afunet.reconstruction.surface"), "raw_surface"),
        (pieces, "raw_surface"),
        (pieces, "smoothed"),
        (case_writing, "previews"),
        (case_pages, "previews"),
        (case_pages, "render_scene"),
        (case_pages, "overlay_montage"),
        (case_pages, "turning_page"),
        (case_pages, "render_page"),
    ):
        counted(where, name)
    case = segment(tmp_path / "ct.nii.gz", tmp_path / "out", SegmentOptions(weights=weights))
    assert len(case.pieces) == 2
    assert made == {
        "surface.raw_surface": 1,
        "pieces.raw_surface": 2,
        "pieces.smoothed": 2,
        "case_writing.previews": 1,
        "case_pages.previews": 1,
        "case_pages.render_scene": 1,
        "case_pages.overlay_montage": 1,
        "case_pages.turning_page": 1,
        "case_pages.render_page": 1,
    }


def test_the_stl_says_its_frame_and_encloses_the_bone(
    done: SegmentedCase, cylinder: Volume
) -> None:
    header = (done.folder / "bone.stl").read_bytes()[:80]
    assert b"SPACE=LPS" in header
    mesh = read_mesh(done.folder / "bone.stl")
    assert mesh.is_watertight
    middle = np.mean(mesh.bounds_mm(), axis=0)
    assert np.allclose(middle, (23.5, 23.5, 5.0), atol=0.1)
    bone_mm3 = bone_of(cylinder).sum() * 2.0
    assert mesh.volume_mm3 == pytest.approx(bone_mm3, rel=0.1)


def test_the_ply_holds_the_same_surface(done: SegmentedCase) -> None:
    stl, ply = (read_mesh(done.folder / f"bone.{kind}") for kind in BOTH)
    assert len(ply.faces) == len(stl.faces) > 0
    assert np.allclose(ply.bounds_mm(), stl.bounds_mm())


def test_the_json_tells_scan_network_and_run(done: SegmentedCase, cylinder: Volume) -> None:
    def refuse(word: str) -> None:
        pytest.fail(f"{word} is no JSON")

    text = (done.folder / "report.json").read_text(encoding="utf-8")
    report = json.loads(text, parse_constant=refuse)
    assert report["case"] == "ct"
    assert report["grid"]["size"] == [48, 48, 6]
    assert report["grid"]["spacing_mm"] == [1.0, 1.0, 2.0]
    assert report["grid"]["spacing_known"] is True
    assert report["model"]["name"] == "afunet"
    assert report["model"]["sha256"] == done.report.model.sha256
    assert len(report["model"]["sha256"]) == 64
    assert report["bone"]["volume_cm3"] == pytest.approx(bone_of(cylinder).sum() * 2 / 1000)
    assert report["bone"]["pieces"] == 1
    assert report["bone"]["slices_with_bone"] == report["bone"]["slices"] == 6
    assert {"reading", "network", "surface", "writing"} <= set(report["run"]["seconds"])
    assert all(seconds >= 0 for seconds in report["run"]["seconds"].values())
    assert report["run"]["peak_memory_mb"] > 10
    assert report["run"]["device"] in ("cpu", "cuda")
    assert {"BONE_ENDS_AT_SCAN"} <= {flag["code"] for flag in report["flags"]}
    assert report["confidence"]["calibration"] == [1.0, 0.0]
    assert [one["number"] for one in report["confidence"]["slices"]] == [1, 2, 3, 4, 5, 6]
    assert all(one["probability_dice"] > 0.9 for one in report["confidence"]["slices"])
    assert all(one["expected_dice"] is None for one in report["confidence"]["slices"])
    assert report["confidence"]["expected_dice"] is None
    assert report["confidence"]["words"]
    assert [one["label"] for one in report["confidence"]["pieces"]] == [1]
    assert report["disclaimer"] == DISCLAIMER


def test_the_stages_in_the_json_are_all_of_the_time(
    tmp_path: Path, cylinder: Volume, weights: Path
) -> None:
    write_nifti(cylinder, tmp_path / "ct.nii.gz")
    start = time.perf_counter()
    case = segment(tmp_path / "ct.nii.gz", tmp_path / "out", SegmentOptions(weights=weights))
    whole = time.perf_counter() - start
    report = json.loads((case.folder / "report.json").read_text(encoding="utf-8"))
    seconds = report["run"]["seconds"]
    assert {"loading", "reading", "network", "clean-up", "surface", "instances"} < seconds.keys()
    assert {"pieces", "names", "confidence", "writing", "pictures", "report"} < seconds.keys()
    assert sum(seconds.values()) == pytest.approx(whole, rel=0.05)
    assert seconds[OTHER] < 0.05 * sum(seconds.values())


def test_the_page_needs_nothing_but_itself(done: SegmentedCase) -> None:
    whole = (done.folder / "report.html").read_text(encoding="utf-8")
    (turning,) = re.findall(r'srcdoc="([^"]*)"', whole)
    page = whole.replace(turning, "")
    assert "THREE" in turning
    inside = html.unescape(turning)
    assert not re.search(r'(src|href)="', inside)
    assert '<iframe sandbox="allow-scripts"' in page
    # No browser lets this page or the frame in it reach any other place.
    assert "default-src 'none'" in page
    assert "connect-src" not in page
    assert "http://" not in page
    assert "https://" not in page
    assert "<script" not in page
    assert "<link" not in page
    assert "url(" not in page
    assert page.count("src=") == page.count('src="data:image/png;base64,') == 3
    assert done.report.model.sha256 in page


def test_the_pictures_hold_no_words_but_those_drawn(done: SegmentedCase) -> None:
    for name in ("overlay.png", "scene.png"):
        with Image.open(done.folder / name) as picture:
            assert picture.format == "PNG"
            assert picture.info == {}
            assert len(picture.getcolors(1 << 24) or []) > 10


@pytest.fixture
def options(weights: Path, small_pictures: None) -> SegmentOptions:
    return SegmentOptions(weights=weights)


@pytest.fixture
def scan_file(cylinder: Volume, tmp_path: Path) -> Path:
    path = tmp_path / "ct.nii.gz"
    write_nifti(cylinder, path)
    return path


def test_an_oblique_scan_gets_its_mask_where_it_lies(
    cylinder: Volume, tmp_path: Path, options: SegmentOptions
) -> None:
    """Turned 20° about x and mirrored: the affine, not the order of voxels, places the mask."""
    cosine, sine = np.cos(np.radians(20)), np.sin(np.radians(20))
    turn = np.array([[-1, 0, 0, 30], [0, cosine, -sine, -7], [0, sine, cosine, 400], [0, 0, 0, 1]])
    scan = cylinder.with_voxels(cylinder.voxels.copy())
    scan.voxels[:, :24, :24] = -1000  # a quarter without anything, so that a flip shows
    scan = Volume(scan.voxels, turn @ cylinder.affine)
    write_nifti(scan, tmp_path / "oblique.nii.gz")
    segment(tmp_path / "oblique.nii.gz", tmp_path / "out", options)
    mask = nibabel.load(tmp_path / "out" / "mask.nii.gz")
    assert np.allclose(mask.affine, nibabel.load(tmp_path / "oblique.nii.gz").affine)
    assert np.array_equal(np.asarray(mask.dataobj).T, bone_of(scan))


def test_a_dicom_series_gets_its_mask_on_its_own_grid(
    cylinder: Volume, tmp_path: Path, options: SegmentOptions, write_dicom: Callable[..., Path]
) -> None:
    folder = write_dicom(tmp_path / "dicom", cylinder)
    segment(folder, tmp_path / "out", options)
    mask = read_labels(tmp_path / "out" / "mask.nii.gz")
    assert mask.same_grid(read_scan(folder).volume)
    assert np.array_equal(mask.voxels, bone_of(cylinder))


@pytest.mark.parametrize("kind", SegmentationKind)
def test_a_dicom_series_gets_its_mask_back_as_dicom(
    kind: SegmentationKind,
    cylinder: Volume,
    tmp_path: Path,
    weights: Path,
    write_dicom: Callable[..., Path],
) -> None:
    folder = write_dicom(tmp_path / "dicom", cylinder)
    formats = ("nifti", "seg", "rtstruct")
    options = SegmentOptions(weights=weights, formats=formats, segmentation_kind=kind)
    done = segment(folder, tmp_path / "out", options)
    assert {"segmentation.dcm", "structures.dcm"} <= set(done.report.files)
    found = pydicom.dcmread(tmp_path / "out" / "segmentation.dcm")
    assert found.SegmentationType == kind.upper()
    source = pydicom.dcmread(next(folder.iterdir()))
    assert found.StudyInstanceUID == source.StudyInstanceUID
    bone = np.asarray(found.pixel_array)
    assert int((bone >= (128 if kind is SegmentationKind.FRACTIONAL else 1)).sum()) == int(
        bone_of(cylinder).sum()
    )


def test_pngs_without_spacing_are_measured_in_voxels(
    cylinder: Volume, tmp_path: Path, options: SegmentOptions
) -> None:
    (tmp_path / "pngs").mkdir()
    for index, hu in enumerate(cylinder.voxels):
        grey = np.clip((hu + 300) / 1600 * 255, 0, 255).round().astype(np.uint8)
        Image.fromarray(grey).save(tmp_path / "pngs" / f"{index}.png")
    report = segment(tmp_path / "pngs", tmp_path / "out", options).report
    assert not report.grid.spacing_known
    assert report.surface.unit == "voxels"
    assert "SPACING_UNKNOWN" in {finding.code for finding in report.findings}
    page = (tmp_path / "out" / "report.html").read_text().split("</style>")[1]
    assert re.findall(r"<td[^>]*>[^<]*\bmm[²³]?[^<]*</td>", page) == []


@pytest.mark.parametrize("fault", ["PNG with a spacing", "NIfTI without placement"])
def test_sides_are_not_written_on_pictures_of_a_scan_that_does_not_tell_them(
    fault: str,
    cylinder: Volume,
    tmp_path: Path,
    options: SegmentOptions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An R or L that was guessed is worse than none."""
    path, spacing = tmp_path / "scan", None
    if fault.startswith("PNG"):
        path.mkdir()
        Image.fromarray(np.eye(48, dtype=np.uint8) * 200).save(path / "0.png")
        spacing = (1.0, 1.0, 2.0)
    else:
        path = tmp_path / "scan.nii"
        image = nibabel.Nifti1Image(cylinder.voxels.T, None)
        image.set_sform(None, code=0)
        image.set_qform(None, code=0)
        nibabel.save(image, path)
    told: dict[str, bool] = {}
    draw_overlay, draw_scene = case_pages.overlay_montage, case_pages.render_scene

    def overlay(*arguments: Any, orientation_known: bool, **rest: Any) -> Any:
        told["overlay"] = orientation_known
        return draw_overlay(*arguments, orientation_known=orientation_known, **rest)

    def scene(*arguments: Any, orientation_known: bool, **rest: Any) -> Any:
        told["scene"] = orientation_known
        return draw_scene(*arguments, orientation_known=orientation_known, **rest)

    monkeypatch.setattr(case_pages, "overlay_montage", overlay)
    monkeypatch.setattr(case_pages, "render_scene", scene)
    segment(path, tmp_path / "out", replace(options, spacing_mm=spacing))
    assert told == {"overlay": False, "scene": False}


def test_a_scan_without_bone_gives_an_empty_mask_and_says_so(
    cylinder: Volume, tmp_path: Path, options: SegmentOptions
) -> None:
    flesh = np.minimum(cylinder.voxels, 50)
    write_nifti(cylinder.with_voxels(flesh), tmp_path / "flesh.nii.gz")
    case = segment(tmp_path / "flesh.nii.gz", tmp_path / "out", options)
    assert not case.mask.voxels.any()
    assert "NO_BONE" in {finding.code for finding in case.report.findings}
    assert (case.report.bone.volume_cm3, case.report.bone.pieces) == (0, 0)
    assert case.report.surface.triangles == 0


def test_metal_and_bone_at_the_edge_are_noticed(
    cylinder: Volume, tmp_path: Path, options: SegmentOptions
) -> None:
    voxels = cylinder.voxels.copy()
    voxels[2, 22:26, 22:26] = 3071
    voxels[:, 20:30, 40:] = 900
    write_nifti(cylinder.with_voxels(voxels), tmp_path / "metal.nii.gz")
    report = segment(tmp_path / "metal.nii.gz", tmp_path / "out", options).report
    flags = {flag.code: flag for flag in report.flags}
    assert "16 mm" not in flags["METAL"].message
    assert flags["METAL"].slice == 3
    assert flags["METAL"].box == (22, 22, 26, 26)
    assert "120 mm²" in flags["BONE_CUT"].message
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<code>METAL</code>" in page


def test_files_of_an_earlier_run_are_replaced_and_strangers_stay(
    scan_file: Path, tmp_path: Path, options: SegmentOptions
) -> None:
    output = tmp_path / "out"
    output.mkdir()
    (output / "mask.nii.gz").write_text("older")
    (output / "notes.txt").write_text("mine")
    segment(scan_file, output, options)
    assert read_labels(output / "mask.nii.gz").voxels.any()
    assert (output / "notes.txt").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_progress_counts_up_to_the_end_of_each_stage(
    scan_file: Path, tmp_path: Path, options: SegmentOptions
) -> None:
    seen: dict[str, list[tuple[int, int]]] = {}

    def progress(stage: str, done: int, total: int) -> None:
        seen.setdefault(stage, []).append((done, total))

    segment(scan_file, tmp_path / "out", options, watch=Watch(progress))
    assert {READING, SEGMENTING, STAGE} <= set(seen)
    for steps in seen.values():
        counts = [done for done, _ in steps]
        assert counts == sorted(set(counts))
        assert {total for _, total in steps} == {steps[-1][0]}, seen


@pytest.mark.parametrize("stage", [READING, SEGMENTING, STAGE])
def test_cancelling_stops_and_leaves_nothing(
    stage: str, scan_file: Path, tmp_path: Path, options: SegmentOptions
) -> None:
    cancel = CancelToken()

    reached = stage

    def progress(stage: str, done: int, total: int) -> None:
        if stage == reached:
            cancel.cancel()

    with pytest.raises(Cancelled):
        segment(scan_file, tmp_path / "deep" / "out", options, watch=Watch(progress, cancel))
    assert list(tmp_path.iterdir()) == [scan_file]


def test_a_format_that_nobody_writes_is_refused_when_it_is_asked_for() -> None:
    with refused(ConfigError, "CONFIG_ERROR", "step, vrml", "nifti, nrrd, mha"):
        SegmentOptions(formats=("step", "stl", "vrml"))


def test_dicom_results_of_a_scan_that_was_no_dicom_are_refused_before_the_work(
    scan_file: Path, tmp_path: Path, weights: Path
) -> None:
    stages: list[str] = []
    options = SegmentOptions(weights=weights, formats=("nifti", "seg"))
    with refused(ConfigError, "NOT_FROM_DICOM", "NIfTI"):
        segment(
            scan_file,
            tmp_path / "out",
            options,
            watch=Watch(lambda stage, *_: stages.append(stage)),
        )
    assert SEGMENTING not in stages
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not shipped_path().is_file(), reason="the shipped weights are not here")
def test_the_shipped_network_finds_the_bones_of_a_simulated_knee(tmp_path: Path) -> None:
    from afunet.evaluation.overlap import count, dice
    from afunet.phantom import Anatomy, LegConfig, axial_grid, simulate

    grid = axial_grid((3, 128, 128), 0.9, 4.0, (100.0, -4.0, 18.0))
    leg = simulate(LegConfig(grid=grid, anatomy=Anatomy(surface_step_mm=1.5)))
    write_nifti(leg.volume, tmp_path / "knee.nii.gz")
    mask = segment(tmp_path / "knee.nii.gz", tmp_path / "out").mask
    truth = leg.bones.foreground()
    assert dice(count(mask.voxels, truth.voxels)) >= 0.9
