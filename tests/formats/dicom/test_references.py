"""Which images a result refers to, and when it may refer to none."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from highdicom.color import CIELabColor
from pydicom import dcmread
from pydicom.dataset import Dataset
from tests.refusals import refused

from afunet.errors import OutputError
from afunet.formats.dicom.algorithm import Algorithm
from afunet.formats.dicom.archive_findings import archive_findings
from afunet.formats.dicom.copied_elements import copied_elements
from afunet.formats.dicom.result import LEFT, Structure, result_planes
from afunet.formats.dicom.rtstruct import write_rtstruct
from afunet.formats.dicom.segmentation import write_segmentation
from afunet.formats.dicom.source_images import SourceImage, reference
from afunet.formats.readers import list_series, read_scan
from afunet.geometry import Volume

ALGORITHM = Algorithm("AFU-Net", "0.1.0", "ab" * 32)
TIBIA = Structure("left tibia", laterality=LEFT, colour=(150, 236, 255))


@pytest.fixture(scope="module")
def block():
    """Six slices of 8 × 6 pixels with a block of bone."""
    voxels = np.full((6, 8, 6), -1000, np.int16)
    voxels[1:5, 2:6, 1:4] = 900
    return Volume(voxels, np.diag([1.0, 1.0, 2.0, 1.0]))


def results(scan, folder, **options):
    placed = result_planes(scan, deidentified=options.get("deidentified", False))
    labels = scan.volume.with_voxels((scan.volume.voxels > 200).astype(np.uint8))
    segments = placed.segments([TIBIA], labels)
    write_segmentation(segments, placed, ALGORITHM, folder / "seg.dcm", **options)
    write_rtstruct(segments, placed, ALGORITHM, folder / "rt.dcm", **options)
    return dcmread(folder / "seg.dcm"), dcmread(folder / "rt.dcm")


def codes(folder):
    found = read_scan(folder).findings
    assert found == list_series(folder)[0].findings
    return [finding.code for finding in found]


@pytest.mark.parametrize("shared", [6, 2])
def test_slices_that_share_a_uid_cannot_be_referred_to(tmp_path, write_series, block, shared):
    def change(index):
        return {"SOPInstanceUID": "1.2.7"} if index < shared else {}

    write_series(tmp_path / "ct", block, change=change)
    assert codes(tmp_path / "ct") == ["REFERENCES_UNSOUND"]
    for deidentified in (False, True):
        with refused(OutputError, "REFERENCES_UNSOUND", 6, 7 - shared):
            result_planes(read_scan(tmp_path / "ct"), deidentified=deidentified)


def test_each_frame_and_each_outline_refers_to_its_own_slice(tmp_path, write_series, block):
    write_series(tmp_path / "ct", block)
    scan = read_scan(tmp_path / "ct")
    seg, structures = results(scan, tmp_path)
    uids = [image.sop_instance for image in scan.images.images]
    (listed,) = seg.ReferencedSeriesSequence
    assert [item.ReferencedSOPInstanceUID for item in listed.ReferencedInstanceSequence] == uids
    for frame in seg.PerFrameFunctionalGroupsSequence:
        at = round(float(frame.PlanePositionSequence[0].ImagePositionPatient[2]) / 2)
        (item,) = frame.DerivationImageSequence[0].SourceImageSequence
        assert item.ReferencedSOPInstanceUID == uids[at]
    for contour in structures.ROIContourSequence[0].ContourSequence:
        at = round(float(contour.ContourData[2]) / 2)
        assert contour.ContourImageSequence[0].ReferencedSOPInstanceUID == uids[at]


@pytest.mark.parametrize(
    ("write", "code"),
    [(write_segmentation, "SEG_DIFFERS"), (write_rtstruct, "RTSTRUCT_DIFFERS")],
)
def test_a_result_that_refers_to_another_image_is_not_kept(
    tmp_path, write_series, block, monkeypatch, write, code
):
    write_series(tmp_path / "ct", block)
    scan = read_scan(tmp_path / "ct")
    placed = result_planes(scan)
    labels = scan.volume.with_voxels((scan.volume.voxels > 200).astype(np.uint8))

    def wrong(image):
        item = reference(image)
        item.ReferencedSOPInstanceUID = scan.images.images[0].sop_instance
        return item

    monkeypatch.setattr(f"{write.__module__}.reference", wrong)
    with refused(OutputError, code):
        write(placed.segments([TIBIA], labels), placed, ALGORITHM, tmp_path / "result.dcm")
    assert not (tmp_path / "result.dcm").exists()


@pytest.mark.parametrize(
    ("write", "code"),
    [(write_segmentation, "SEG_FAILED"), (write_rtstruct, "RTSTRUCT_FAILED")],
)
def test_what_a_library_raises_is_one_line_without_its_words(
    tmp_path, write_series, block, monkeypatch, write, code
):
    write_series(tmp_path / "ct", block)
    scan = read_scan(tmp_path / "ct")
    placed = result_planes(scan)

    def fails(*_, **__):
        raise ValueError("Invalid value: Doe^Jane")

    monkeypatch.setattr("pydicom.dataset.Dataset.save_as", fails)
    labels = scan.volume.with_voxels((scan.volume.voxels > 200).astype(np.uint8))
    with refused(OutputError, code, "ValueError") as refusal:
        write(placed.segments([TIBIA], labels), placed, ALGORITHM, tmp_path / "result.dcm")
    assert "Doe" not in str(refusal.value)


def of_several(scan, **changes):
    """The scan's images as those of slices that an anonymiser or two exports told apart."""
    return replace(scan, images=replace(scan.images, **changes))


def test_images_of_several_series_are_listed_by_series(tmp_path, write_series, block):
    write_series(tmp_path / "ct", block)
    scan = read_scan(tmp_path / "ct")
    parted = [
        SourceImage(image.sop_class, image.sop_instance, f"1.2.{index % 2}", image.frame)
        for index, image in enumerate(scan.images.images)
    ]
    seg, structures = results(of_several(scan, images=tuple(parted)), tmp_path)
    assert [item.SeriesInstanceUID for item in seg.ReferencedSeriesSequence] == ["1.2.0", "1.2.1"]
    (study,) = structures.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence
    assert [len(item.ContourImageSequence) for item in study.RTReferencedSeriesSequence] == [3, 3]


def test_slices_of_several_studies_have_no_result(tmp_path, write_series, block):
    def change(index):
        return {"StudyInstanceUID": f"1.2.{index % 2}"}

    write_series(tmp_path / "ct", block, change=change)
    found = {finding.code for finding in read_scan(tmp_path / "ct").findings}
    assert "SEVERAL_STUDIES" in found
    with refused(OutputError, "SEVERAL_STUDIES", 2):
        result_planes(read_scan(tmp_path / "ct"), deidentified=True)


def test_uids_that_are_none_have_results_with_new_ones(tmp_path, write_series, block):
    def change(index):
        return {"StudyInstanceUID": "1.02.abc", "SOPInstanceUID": f"x.{index}"}

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write_series(tmp_path / "ct", block, change=change)
    with refused(OutputError, "REFERENCES_UNSOUND", "StudyInstanceUID", "--deidentify"):
        result_planes(read_scan(tmp_path / "ct"))
    first, second = results(read_scan(tmp_path / "ct"), tmp_path, deidentified=True)
    assert first.StudyInstanceUID == second.StudyInstanceUID
    assert first.StudyInstanceUID.is_valid
    named = {item.ReferencedSOPInstanceUID for item in first.SourceImageSequence}
    assert len(named) == 6
    assert all(uid.is_valid for uid in named)


def test_a_structure_is_tracked_and_coloured_alike_in_both_results(tmp_path, write_series, block):
    write_series(tmp_path / "ct", block)
    seg, structures = results(read_scan(tmp_path / "ct"), tmp_path)
    again, _ = results(read_scan(tmp_path / "ct"), tmp_path)
    (segment,) = seg.SegmentSequence
    assert segment.TrackingID == "left tibia"
    assert segment.TrackingUID == again.SegmentSequence[0].TrackingUID
    lab = tuple(segment.RecommendedDisplayCIELabValue)
    assert CIELabColor.from_dicom_value(lab).to_rgb() == TIBIA.colour
    (drawn,) = structures.ROIContourSequence
    assert tuple(drawn.ROIDisplayColor) == TIBIA.colour
    assert tuple(drawn.RecommendedDisplayCIELabValue) == lab
    (observed,) = structures.RTROIObservationsSequence
    (code,) = observed.RTROIIdentificationCodeSequence
    (kind,) = segment.SegmentedPropertyTypeCodeSequence
    assert code == kind


def test_slices_in_several_frames_of_reference_have_results_in_a_new_one():
    facts = []
    for number in range(4):
        image = Dataset()
        image.StudyInstanceUID, image.SeriesInstanceUID = "1.2.3", "1.2.4"
        image.SOPClassUID, image.SOPInstanceUID = "1.2.5", f"1.2.6.{number}"
        image.FrameOfReferenceUID = f"1.2.7.{number}"
        facts.append(copied_elements(image).facts())
    (finding,) = archive_findings(facts)
    assert finding.code == "FRAME_OF_REFERENCE_NEW"
    assert "4" in finding.message
