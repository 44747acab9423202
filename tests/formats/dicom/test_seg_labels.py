"""DICOM Segmentations read as labels, and judged beside a volume of the whole grid."""

import numpy as np
import pytest
from pydicom import dcmread

from afunet.errors import InputError
from afunet.formats.dicom.algorithm import Algorithm
from afunet.formats.dicom.result import Structure, result_planes
from afunet.formats.dicom.segmentation import write_segmentation
from afunet.formats.dicom.segmentation_kind import SegmentationKind
from afunet.formats.nifti import write_nifti
from afunet.formats.readers import read_labelling, read_scan
from afunet.geometry import Volume
from afunet.geometry.embedding import embedded
from afunet.preprocessing.orientation import turned_to
from afunet.workflows.evaluate import evaluate_masks
from afunet.workflows.evaluated_pairs import Pair

ALGORITHM = Algorithm("AFU-Net", "0.1.0", "ab" * 32)


@pytest.fixture(params=[SegmentationKind.BINARY, SegmentationKind.LABELMAP])
def written(request, tmp_path, write_series, oblique):
    """Two structures in the inner slices of four, as a SEG and as the labels on the CT's grid."""
    write_series(tmp_path / "ct", oblique)
    scan = read_scan(tmp_path / "ct")
    labels = np.zeros(scan.volume.shape, np.uint8)
    labels[1:3, 1:3, 1:4], labels[2, 4:, :2] = 1, 2
    planes = result_planes(scan)
    volume = scan.volume.with_voxels(labels)
    segments = planes.segments([Structure("femur"), Structure("tibia")], volume)
    write_segmentation(segments, planes, ALGORITHM, tmp_path / "seg.dcm", request.param)
    return tmp_path / "seg.dcm", volume


def test_segments_are_labels_at_their_millimetres(written):
    path, volume = written
    read = read_labelling(path)
    assert read.is_part
    assert [finding.code for finding in read.findings] == ["SEGMENTATION"]
    whole = embedded(turned_to(read.volume, volume), volume)
    assert volume.same_grid(whole)
    np.testing.assert_array_equal(whole.voxels, volume.voxels)


@pytest.mark.parametrize("seg_is_truth", [True, False])
def test_a_segmentation_is_judged_beside_a_volume_of_the_whole_grid(
    written, tmp_path, seg_is_truth
):
    path, volume = written
    write_nifti(volume, tmp_path / "l.nii.gz")
    files = (tmp_path / "l.nii.gz", path) if seg_is_truth else (path, tmp_path / "l.nii.gz")
    result = evaluate_masks([Pair("a", *files)])
    assert result.cases["a"]["dice"] == 1
    assert [score.values["dice"] for score in result.structures["a"]] == [1, 1]


def test_a_broken_segmentation_is_one_line_without_identifiers(written, refusal):
    path, _ = written
    dataset = dcmread(path)
    del dataset.SegmentSequence
    dataset.save_as(path)
    assert refusal(InputError, read_labelling, path).code == "SEG_UNREADABLE"


def test_what_lies_outside_the_grid_is_left_as_it_is():
    grid = Volume(np.zeros((4, 5, 6), np.uint8), np.eye(4))
    affine = np.eye(4)
    affine[:3, 3] = (1, 2, 3)
    inside, outside = (Volume(np.ones((n, 2, 2), np.uint8), affine) for n in (1, 2))
    assert embedded(inside, grid).same_grid(grid)
    assert embedded(inside, grid).voxels[3, 2:4, 1:3].sum() == 4
    assert embedded(outside, grid) is outside
