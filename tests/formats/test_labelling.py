"""Whole numbers, and the places that a label file does or does not state."""

import nibabel
import numpy as np
import pytest
import SimpleITK
from PIL import Image
from tests.refusals import refused, require

from afunet.errors import GeometryError, InputError
from afunet.formats.labelling import Labelling, checked_labels, require_no_negative
from afunet.formats.readers import read_labelling
from afunet.geometry import Volume
from afunet.geometry.tolerances import LABEL_TOLERANCE, LARGEST_SHEAR_MM


def labels(*values, dtype=np.float64):
    return Volume(np.array([[values]], dtype=dtype), np.eye(4))


def codes(read):
    return [finding.code for finding in read.findings]


@pytest.mark.parametrize("off", [0, 1e-7, 1e-5, 0.9 * LABEL_TOLERANCE])
@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numbers_near_whole_ones_are_labels(off, sign, dtype):
    values = np.arange(0, 118) + sign * off
    read = checked_labels(Labelling(labels(*values, dtype=dtype)))
    np.testing.assert_array_equal(read.volume.voxels.ravel(), np.arange(118))
    assert codes(read) == (["LABELS_ROUNDED"] if (values != np.rint(values)).any() else [])


@pytest.mark.parametrize("value", [0.5, 1.1, 2 * LABEL_TOLERANCE, np.nan, np.inf])
def test_other_numbers_are_counted_and_the_first_is_named(value, refusal):
    error = refusal(InputError, checked_labels, Labelling(labels(0, 1, value)))
    require(error, "BAD_LABELS", 1, 3, f"{value:g}")


@pytest.mark.parametrize("most", [1, 2, 5, 25])
def test_labels_stretched_over_a_byte_come_back_whole(tmp_path, most):
    whole = np.arange(60).reshape(3, 4, 5) % (most + 1)
    slope = np.float32(most / 255)
    image = nibabel.Nifti1Image(np.rint(whole * 255 / most).astype(np.uint8), np.eye(4))
    image.header.set_slope_inter(slope, 0)
    nibabel.save(image, tmp_path / "l.nii.gz")
    read = read_labelling(tmp_path / "l.nii.gz")
    np.testing.assert_array_equal(read.volume.voxels, whole.transpose(2, 1, 0))


def test_a_probability_in_a_byte_is_no_label(tmp_path, refusal):
    image = nibabel.Nifti1Image(np.arange(60, dtype=np.uint8).reshape(3, 4, 5), np.eye(4))
    image.header.set_slope_inter(np.float32(1 / 255), 0)
    nibabel.save(image, tmp_path / "p.nii.gz")
    assert refusal(InputError, read_labelling, tmp_path / "p.nii.gz").code == "BAD_LABELS"


def sheared(degrees, slices):
    affine = np.eye(4)
    affine[1, 2] = np.tan(np.radians(degrees))
    return Volume(np.zeros((slices, 50, 60), np.uint8), affine)


@pytest.mark.parametrize(
    ("degrees", "slices", "passes"),
    [(0.03, 900, True), (0.04, 900, False), (1, 28, True), (1, 31, False), (12, 900, False)],
)
def test_shear_is_judged_in_millimetres_at_the_far_corner(degrees, slices, passes):
    """tan(0.03°) · 899 mm = 0.47 mm, tan(0.04°) · 899 mm = 0.63 mm; 1° · 27 and 30 mm likewise."""
    assert LARGEST_SHEAR_MM == 0.5
    read = Labelling(sheared(degrees, slices))
    if passes:
        checked_labels(read)
    else:
        with refused(GeometryError, "SHEARED"):
            checked_labels(read)


def test_negative_labels_are_named_as_not_labelled(refusal):
    error = refusal(InputError, require_no_negative, labels(-1, 0, 2, dtype=np.int16), "the truth")
    require(error, "NEGATIVE_LABELS", "the truth", -1)
    require_no_negative(labels(0, 2, dtype=np.uint8), "the truth")


def unplaced_nifti(path):
    nibabel.save(nibabel.Nifti1Image(np.ones((3, 4, 5), np.uint8), None), path / "l.nii")
    return path / "l.nii"


def spaceless_nrrd(path):
    head = "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 3 4 5\nspacings: 1 1 1\nencoding: raw\n\n"
    (path / "l.nrrd").write_bytes(head.encode() + bytes(60))
    return path / "l.nrrd"


def bare_metaimage(path):
    head = "NDims = 3\nDimSize = 3 4 5\nElementSpacing = 1 1 1\nElementType = MET_UCHAR\n"
    (path / "l.mha").write_bytes(f"{head}ElementDataFile = LOCAL\n".encode() + bytes(60))
    return path / "l.mha"


def pngs(path):
    Image.fromarray(np.eye(4, dtype=np.uint8)).save(path / "0.png")
    return path


@pytest.mark.parametrize("write", [unplaced_nifti, spaceless_nrrd, bare_metaimage, pngs])
def test_labels_carry_on_that_nobody_knows_left_from_right(tmp_path, write):
    assert not read_labelling(write(tmp_path)).sides_known


@pytest.mark.parametrize("name", ["l.nii.gz", "l.nrrd", "l.mha"])
def test_placed_labels_know_their_sides(tmp_path, name):
    image = SimpleITK.GetImageFromArray(np.ones((3, 4, 5), np.uint8))
    SimpleITK.WriteImage(image, str(tmp_path / name))
    read = read_labelling(tmp_path / name)
    assert read.sides_known
    assert codes(read) == []
