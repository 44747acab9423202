"""DICOM Segmentation and RT Structure Set: on the original slices, and checked after writing."""

import re
import shutil
import subprocess
from pathlib import Path

import highdicom
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.sr.coding import Code
from tests.refusals import refused

from afunet.errors import ConfigError, OutputError
from afunet.formats.dicom import rtstruct, segmentation
from afunet.formats.dicom.algorithm import Algorithm
from afunet.formats.dicom.contours import filled
from afunet.formats.dicom.measurement_report import BoneMeasures, write_measurement_report
from afunet.formats.dicom.result import LEFT, Segment, Structure, result_planes
from afunet.formats.dicom.rtstruct import write_rtstruct
from afunet.formats.dicom.segmentation import write_segmentation
from afunet.formats.dicom.segmentation_kind import SegmentationKind
from afunet.formats.readers import read_scan
from afunet.geometry import Volume

ALGORITHM = Algorithm("AFU-Net", "0.1.0", "ab" * 32)


@pytest.fixture(scope="module")
def ball():
    """A ball with a hollow in it and a small one beside, 0.8 × 0.7 × 2 mm voxels, turned."""
    level, row, column = np.mgrid[:12, :24, :20]
    apart = np.hypot(np.hypot((level - 5) * 1.6, row - 11), column - 9)
    voxels = np.where((apart < 8) & (apart > 3), 700, -1000).astype(np.int16)
    voxels[9:11, 2:4, 16:18] = 900
    turn = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = turn * (0.8, 0.7, 2.0)
    affine[:3, 3] = (-31.25, 12.5, 140)
    return Volume(voxels, affine)


def found_in(scan, threshold=200):
    return scan.volume.with_voxels((scan.volume.voxels > threshold).astype(np.uint8))


@pytest.fixture
def scan(tmp_path, write_series, ball):
    identity = {"StudyInstanceUID": "1.2.3.4", "SeriesInstanceUID": "1.2.840.77.5"}
    write_series(tmp_path / "ct", ball, **identity, PatientSex="F")
    return read_scan(tmp_path / "ct")


def written_seg(scan, path, kind=SegmentationKind.BINARY):
    placed = result_planes(scan)
    write_segmentation([placed.segment("bone", found_in(scan))], placed, ALGORITHM, path, kind)
    return dcmread(path)


@pytest.mark.parametrize("kind", SegmentationKind)
def test_a_segmentation_gives_its_mask_back_to_another_reader(tmp_path, scan, kind):
    written_seg(scan, tmp_path / "segmentation.dcm", kind)
    read = highdicom.seg.segread(tmp_path / "segmentation.dcm")
    volume = read.get_volume(combine_segments=kind is not SegmentationKind.FRACTIONAL)
    mask = found_in(scan)
    values = volume.array[..., 0] if volume.array.ndim == 4 else volume.array
    columns_rows_slices = volume.affine[:, [2, 1, 0, 3]]
    for index in np.argwhere(values > 0)[::7]:
        point = columns_rows_slices @ [*index[::-1], 1]
        column, row, level = np.rint(mask.to_indices(point[:3])).astype(int)
        assert mask.voxels[level, row, column] == 1
    assert int((values > 0).sum()) == int(mask.voxels.sum())


def test_a_segmentation_states_the_spacing_of_the_slices_whatever_their_headers_say(
    tmp_path, write_series, ball
):
    write_series(tmp_path / "ct", ball, SpacingBetweenSlices=5.0, SliceThickness=4.0)
    dataset = written_seg(read_scan(tmp_path / "ct"), tmp_path / "segmentation.dcm")
    groups = dataset.SharedFunctionalGroupsSequence[0]
    assert groups.PixelMeasuresSequence[0].SpacingBetweenSlices == pytest.approx(2.0)


def test_results_lie_on_slices_whose_positions_are_rounded(tmp_path, write_series, ball):
    def rounded(index):
        return {"ImagePositionPatient": [-31.3, 12.5, round(140 + 2.04 * index, 1)]}

    write_series(tmp_path / "ct", ball, change=rounded)
    scan = read_scan(tmp_path / "ct")
    assert not scan.resampled
    dataset = written_seg(scan, tmp_path / "segmentation.dcm")
    placed = result_planes(scan)
    write_rtstruct(
        [placed.segment("bone", found_in(scan))], placed, ALGORITHM, tmp_path / "structures.dcm"
    )
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        height = frame.PlanePositionSequence[0].ImagePositionPatient[2]
        assert float(height) == round(float(height), 1)


def test_empty_slices_are_left_out_of_a_segmentation(tmp_path, scan):
    dataset = written_seg(scan, tmp_path / "segmentation.dcm")
    assert dataset.NumberOfFrames == int(found_in(scan).voxels.any(axis=(1, 2)).sum()) < 12


def test_a_segmentation_names_what_made_it_and_what_it_shows(tmp_path, scan):
    dataset = written_seg(scan, tmp_path / "segmentation.dcm")
    (segment,) = dataset.SegmentSequence
    assert segment.SegmentedPropertyTypeCodeSequence[0].CodeValue == "272673000"
    (algorithm,) = segment.SegmentationAlgorithmIdentificationSequence
    assert algorithm.AlgorithmName == "AFU-Net"
    assert "ab" * 32 in str(algorithm.AlgorithmParameters)
    assert dataset.StudyInstanceUID == "1.2.3.4"
    assert dataset.FrameOfReferenceUID == scan.images.frame_of_reference
    assert dataset.PatientName == "Doe^Jane"
    assert "StudyDescription" not in dataset  # it may hold anything, and no archive files by it


def test_outlines_give_the_mask_back_holes_and_all(tmp_path, scan):
    placed = result_planes(scan)
    segment = placed.segment("bone", found_in(scan))
    write_rtstruct([segment], placed, ALGORITHM, tmp_path / "structures.dcm")
    dataset = dcmread(tmp_path / "structures.dcm")
    assert dataset.StructureSetROISequence[0].ROIName == "bone"
    by_image = {image.sop_instance: number for number, image in enumerate(placed.images.images)}
    rings = [[] for _ in placed.planes]
    for contour in dataset.ROIContourSequence[0].ContourSequence:
        at = by_image[contour.ContourImageSequence[0].ReferencedSOPInstanceUID]
        points = np.array(contour.ContourData, dtype=float).reshape(-1, 3)
        rings[at].append(scan.volume.to_indices(points)[:, :2])
    for outline, mask in zip(rings, segment.masks, strict=True):
        np.testing.assert_array_equal(filled(outline, *mask.shape), mask)
    assert segment.masks[5, 11, 9] == 0  # the hollow
    assert segment.masks[5, 11, 5] == 1


def test_results_of_a_tilted_scan_lie_on_its_tilted_slices(tmp_path, write_series, ball):
    straight = Volume(ball.voxels, np.diag([0.8, 0.7, 2.0, 1.0]))
    drift = 2 * np.tan(np.radians(14))
    write_series(
        tmp_path / "ct",
        straight,
        change=lambda index: {"ImagePositionPatient": [0, f"{drift * index:.9g}", 2 * index]},
    )
    scan = read_scan(tmp_path / "ct")
    dataset = written_seg(scan, tmp_path / "segmentation.dcm")
    positions = [
        item.PlanePositionSequence[0].ImagePositionPatient
        for item in dataset.PerFrameFunctionalGroupsSequence
    ]
    for x, y, z in positions:
        assert (x, y) == pytest.approx((0, drift * z / 2), abs=1e-6)
    truth = ball.voxels > 200
    found = np.zeros(truth.shape, bool)
    for image, (_, _, z) in zip(dataset.pixel_array, positions, strict=True):
        found[round(z / 2)] = image > 0
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.97
    placed = result_planes(scan)
    segment = placed.segment("bone", found_in(scan))
    write_rtstruct([segment], placed, ALGORITHM, tmp_path / "structures.dcm")


def test_results_of_slices_of_several_sizes_lie_on_the_volumes_own(tmp_path, write_series, ball):
    part = (ball.voxels[1, 2:20].astype(np.int32) + 1024).astype(np.uint16)
    corner = ball.to_mm((0, 2, 1))
    change = {
        "Rows": 18,
        "PixelData": part.tobytes(),
        "ImagePositionPatient": [f"{value:.9g}" for value in corner],
    }
    write_series(tmp_path / "ct", ball, change=lambda index: change if index == 1 else {})
    scan = read_scan(tmp_path / "ct")
    assert "MIXED_MATRIX" in [finding.code for finding in scan.findings]
    dataset = written_seg(scan, tmp_path / "segmentation.dcm")
    assert (dataset.Rows, dataset.Columns) == scan.volume.shape[1:]
    placed = result_planes(scan)
    segment = placed.segment("bone", found_in(scan))
    write_rtstruct([segment], placed, ALGORITHM, tmp_path / "structures.dcm")


def test_a_scan_that_was_no_dicom_has_no_dicom_results(axial, tmp_path):
    from afunet.formats.nifti import write_nifti

    write_nifti(axial, tmp_path / "ct.nii.gz", "ct")
    with refused(ConfigError, "NOT_FROM_DICOM", "NIfTI"):
        result_planes(read_scan(tmp_path / "ct.nii.gz"))


def test_a_segmentation_that_comes_back_different_is_not_kept(tmp_path, scan, monkeypatch):
    placed = result_planes(scan)
    segment = placed.segment("bone", found_in(scan))
    original = segmentation._pixels

    def mirrored(*arguments):
        return original(*arguments)[:, :, ::-1]

    monkeypatch.setattr(segmentation, "_pixels", mirrored)
    with refused(OutputError, "SEG_DIFFERS", 288):
        write_segmentation([segment], placed, ALGORITHM, tmp_path / "segmentation.dcm")
    assert not (tmp_path / "segmentation.dcm").exists()


def test_outlines_that_come_back_different_are_not_kept(tmp_path, scan, monkeypatch):
    placed = result_planes(scan)
    segment = placed.segment("bone", found_in(scan))
    shifted = [ring + 1 for ring in rtstruct.outlines(segment.masks[5])]
    monkeypatch.setattr(rtstruct, "outlines", lambda mask: shifted)
    with refused(OutputError, "RTSTRUCT_DIFFERS", "'bone'"):
        write_rtstruct([segment], placed, ALGORITHM, tmp_path / "structures.dcm")
    assert not (tmp_path / "structures.dcm").exists()


def test_a_scan_without_bone_still_gives_files_that_say_so(tmp_path, scan):
    placed = result_planes(scan)
    nothing = Segment(Structure("bone"), np.zeros((12, 24, 20), np.uint8))
    write_segmentation([nothing], placed, ALGORITHM, tmp_path / "segmentation.dcm")
    write_rtstruct([nothing], placed, ALGORITHM, tmp_path / "structures.dcm")
    assert not dcmread(tmp_path / "segmentation.dcm").pixel_array.any()


def test_results_without_the_patient_hold_no_identifier_and_still_point_to_each_other(
    tmp_path, scan
):
    placed = result_planes(scan)
    segment = placed.segment("bone", found_in(scan))
    seg, structures = tmp_path / "segmentation.dcm", tmp_path / "structures.dcm"
    sources = {
        *(image.sop_instance for image in placed.images.images),
        *(image.series for image in placed.images.images),
        placed.images.study,
        placed.images.frame_of_reference,
    }
    write_segmentation([segment], placed, ALGORITHM, seg, deidentified=True)
    write_rtstruct([segment], placed, ALGORITHM, structures, deidentified=True)
    for path in (seg, structures):
        content = path.read_bytes()
        for secret in ("Doe", "Jane", "PID-4711", "19510203", "ACC-0815", "20200304", *sources):
            # UIDs end in a digit or a padding zero: 1.2.3.4 must not be found in 1.2.3.45
            assert secret.encode() + b"\0" not in content
            assert not re.search(re.escape(secret.encode()) + rb"(?![\d.])", content), secret
    assert placed.images.study == "1.2.3.4"  # the scan is as it was
    first, second = dcmread(seg), dcmread(structures)
    assert first.StudyInstanceUID == second.StudyInstanceUID
    assert first.FrameOfReferenceUID == second.FrameOfReferenceUID
    assert first.PatientIdentityRemoved == "YES"
    assert second.StructureSetROISequence[0].ROIName == "bone"
    if shutil.which("dciodvfy"):
        assert errors_of(seg) == errors_of(structures) == []


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) is not here")
# The validator is older than label maps, which came to the standard in 2024.
@pytest.mark.parametrize("kind", [SegmentationKind.BINARY, SegmentationKind.FRACTIONAL])
def test_dciodvfy_finds_no_error(tmp_path, scan, kind):
    path = tmp_path / "segmentation.dcm"
    written_seg(scan, path, kind)
    assert errors_of(path) == []
    placed = result_planes(scan)
    structures = tmp_path / "structures.dcm"
    write_rtstruct([placed.segment("bone", found_in(scan))], placed, ALGORITHM, structures)
    assert errors_of(structures) == []


def errors_of(path: Path) -> list[str]:
    done = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
    return [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")]


def test_the_same_work_gives_a_result_the_same_uids_and_other_work_others(tmp_path, scan):
    placed = result_planes(scan)
    segment = placed.segment("bone", found_in(scan))
    found = []
    for identity in ("job 1", "job 1", "job 2", "", ""):
        for write in (write_segmentation, write_rtstruct):
            write([segment], placed, ALGORITHM, tmp_path / "result.dcm", identity=identity)
            written = dcmread(tmp_path / "result.dcm")
            found.append((str(written.SOPInstanceUID), str(written.SeriesInstanceUID)))
    assert found[0:2] == found[2:4]
    assert len({uid for pair in found for uid in pair}) == 16


def measured(scan):
    placed = result_planes(scan)
    femur = Structure("left femur", Code("71341001", "SCT", "Femur"), LEFT)
    bones = [
        BoneMeasures(femur, 1, 81234.5, 212.25, 381.0, ("FRACTURE_SUSPECTED",)),
        BoneMeasures(Structure("bone"), 2, 10.0),
    ]
    return placed, bones


@pytest.mark.parametrize("kind", SegmentationKind)
def test_a_measurement_report_refers_to_the_segments_of_its_run(tmp_path, scan, kind):
    placed, bones = measured(scan)
    seg, path = tmp_path / "seg.dcm", tmp_path / "sr.dcm"
    write_segmentation(
        [placed.segment("bone", found_in(scan))], placed, ALGORITHM, seg, kind, identity="run"
    )
    write_measurement_report(
        bones, placed, ALGORITHM, path, "run", kind=kind, flags=["LOW_CONFIDENCE"]
    )
    report = highdicom.sr.srread(path)
    groups = report.content.get_volumetric_roi_measurement_groups()
    assert [group.tracking_identifier for group in groups] == ["left femur", "bone"]
    assert [group.tracking_uid for group in groups] == [
        placed.tracking_uid(bone.structure) for bone in bones
    ]
    values = [{one.name.meaning: one.value for one in group.get_measurements()} for group in groups]
    assert values == [
        {"Volume": 81234.5, "Length": 212.25, "Attenuation Coefficient": 381.0},
        {"Volume": 10.0},
    ]
    segment = groups[0].referenced_segment
    assert segment.referenced_sop_instance_uid == dcmread(seg).SOPInstanceUID
    assert segment.referenced_sop_class_uid == dcmread(seg).SOPClassUID
    said = [str(one.value.value) for one in groups[0].get_qualitative_evaluations()]
    assert "FRACTURE_SUSPECTED" in said
    assert report.PatientSex == "F"
    evidence = {
        str(instance.ReferencedSOPInstanceUID)
        for study in report.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for instance in series.ReferencedSOPSequence
    }
    assert dcmread(seg).SOPInstanceUID in evidence
    # The validator is older than label maps, which came to the standard in 2024.
    if shutil.which("dciodvfy") and kind is not SegmentationKind.LABELMAP:
        assert errors_of(path) == []


def test_a_measurement_report_without_the_patient_still_refers_to_its_segments(tmp_path, scan):
    placed, bones = measured(scan)
    seg, path = tmp_path / "seg.dcm", tmp_path / "sr.dcm"
    segment = placed.segment("bone", found_in(scan))
    write_segmentation([segment], placed, ALGORITHM, seg, identity="run", deidentified=True)
    write_measurement_report(bones, placed, ALGORITHM, path, "run", deidentified=True)
    content = path.read_bytes()
    sources = [image.sop_instance for image in placed.images.images]
    for secret in (
        "Doe",
        "Jane",
        "PID-4711",
        "19510203",
        "ACC-0815",
        placed.images.study,
        *sources,
    ):
        assert not re.search(re.escape(secret.encode()) + rb"(?![\d.])", content), secret
    (first, *_) = highdicom.sr.srread(path).content.get_volumetric_roi_measurement_groups()
    assert first.referenced_segment.referenced_sop_instance_uid == dcmread(seg).SOPInstanceUID
