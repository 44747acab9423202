"""NIfTI's frame, units and placements."""

import nibabel
import numpy as np
import pytest
from tests.refusals import require

from afunet.errors import InputError, OutputError
from afunet.formats.nifti import write_nifti
from afunet.formats.readers import read_labels, read_scan
from afunet.geometry import Volume


def save(path, array, affine=None, **header):
    image = nibabel.Nifti1Image(array, np.eye(4) if affine is None else affine)
    image.header.set_xyzt_units(header.pop("unit", "mm"))
    for key, value in header.items():
        image.header[key] = value
    nibabel.save(image, path)
    return path


def hu(*shape):
    return (np.arange(np.prod(shape)) * 20 - 1000).astype(np.int16).reshape(shape)


def test_a_ras_voxel_lies_at_its_lps_millimetre(tmp_path):
    # NIfTI voxel (1, 2, 3) at RAS (10 + 2·1, 20 + 3·2, 30 + 4·3) is LPS (-12, -26, 42).
    affine = [[2, 0, 0, 10], [0, 3, 0, 20], [0, 0, 4, 30], [0, 0, 0, 1]]
    array = hu(4, 5, 6)
    volume = read_scan(save(tmp_path / "ct.nii", array, np.array(affine, dtype=float))).volume
    assert volume.shape == (6, 5, 4)
    assert volume.voxels[3, 2, 1] == array[1, 2, 3]
    np.testing.assert_allclose(volume.to_mm([1, 2, 3]), (-12, -26, 42))


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_what_is_written_has_both_forms_and_its_type(tmp_path, oblique, dtype, name):
    write_nifti(oblique.with_voxels(hu(4, 6, 5).astype(dtype)), tmp_path / name, "bone · mask")
    image = nibabel.load(tmp_path / name)
    assert image.get_data_dtype() == dtype
    assert np.asarray(image.dataobj).shape == (5, 6, 4)
    sform, sform_code = image.get_sform(coded=True)
    qform, qform_code = image.get_qform(coded=True)
    assert (sform_code, qform_code) == (1, 1)
    expected = np.diag([-1, -1, 1, 1]) @ oblique.affine
    np.testing.assert_allclose(sform, expected, rtol=1e-6, atol=1e-5)
    np.testing.assert_allclose(qform, expected, rtol=1e-6, atol=1e-4)
    assert image.header.get_xyzt_units()[0] == "mm"
    assert bytes(image.header["descrip"]).rstrip(b"\0") == b"bone ? mask"


def test_a_mirrored_grid_survives_writing(tmp_path, oblique):
    mirrored = Volume(oblique.voxels, oblique.affine @ np.diag([-1.0, 1, 1, 1]))
    write_nifti(mirrored, tmp_path / "m.nii")
    image = nibabel.load(tmp_path / "m.nii")
    np.testing.assert_allclose(image.get_qform(), image.get_sform(), atol=1e-4)
    np.testing.assert_allclose(
        read_scan(tmp_path / "m.nii").volume.affine, mirrored.affine, atol=1e-5
    )


def test_the_same_volume_is_written_as_the_same_bytes(tmp_path, oblique):
    write_nifti(oblique, tmp_path / "a.nii.gz")
    write_nifti(oblique, tmp_path / "b.nii.gz")
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()


def test_a_mask_of_truth_values_is_written_as_0_and_1(tmp_path, oblique):
    write_nifti(oblique.with_voxels(oblique.voxels > 0), tmp_path / "m.nii.gz")
    assert read_labels(tmp_path / "m.nii.gz").voxels.sum() == np.sum(oblique.voxels > 0)


@pytest.mark.parametrize(("unit", "factor"), [("meter", 1000), ("micron", 0.001), ("unknown", 1)])
def test_every_spatial_unit_becomes_millimetres(tmp_path, unit, factor):
    stored = 2.0 / factor
    path = save(tmp_path / "u.nii", hu(3, 4, 5), np.diag([stored, stored, stored, 1.0]), unit=unit)
    np.testing.assert_allclose(read_scan(path).volume.spacing_mm, 2)


def test_a_fourth_axis_of_one_is_dropped_and_of_two_refused(tmp_path, refusal):
    assert read_scan(save(tmp_path / "one.nii", hu(3, 4, 5, 1))).volume.shape == (5, 4, 3)
    error = refusal(InputError, read_scan, save(tmp_path / "two.nii", hu(3, 4, 5, 2)))
    require(error, "NOT_A_VOLUME", (3, 4, 5, 2))


def test_a_flat_image_and_colour_voxels_are_refused(tmp_path, refusal):
    error = refusal(InputError, read_scan, save(tmp_path / "flat.nii", hu(30, 4)))
    require(error, "NOT_A_VOLUME", (30, 4))
    colour = np.zeros((3, 4, 5), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    assert refusal(InputError, read_scan, save(tmp_path / "rgb.nii", colour)).code == "NOT_A_VOLUME"


@pytest.mark.parametrize(("slope", "expected"), [(1.0, np.int16), (0.25, np.float32)])
def test_slope_and_intercept_are_applied(tmp_path, slope, expected):
    path = tmp_path / "s.nii"
    image = nibabel.Nifti1Image(hu(3, 4, 5) + 1001, np.eye(4))
    nibabel.save(image, path)
    with path.open("r+b") as file:  # nibabel resets the scaling of integers on saving
        header = nibabel.Nifti1Header.from_fileobj(file)
        header["scl_slope"], header["scl_inter"] = slope, -1024
        file.seek(0)
        header.write_to(file)
    stored = np.asarray(nibabel.load(path).dataobj.get_unscaled())
    voxels = read_scan(path).volume.voxels
    assert voxels.dtype == expected
    np.testing.assert_array_equal(voxels, (stored * slope - 1024).transpose(2, 1, 0))


def test_whole_numbers_stored_as_double_become_int16(tmp_path):
    voxels = read_scan(save(tmp_path / "d.nii", hu(3, 4, 5).astype(np.float64))).volume.voxels
    assert voxels.dtype == np.int16
    np.testing.assert_array_equal(voxels, hu(3, 4, 5).transpose(2, 1, 0))


def test_a_file_without_placement_is_a_warning(tmp_path):
    path = tmp_path / "nowhere.nii"
    image = nibabel.Nifti1Image(hu(3, 4, 5), None)
    nibabel.save(image, path)
    assert [finding.code for finding in read_scan(path).findings] == ["ORIENTATION_UNKNOWN"]


def test_placements_that_disagree_are_a_warning_and_the_sform_counts(tmp_path):
    image = nibabel.Nifti1Image(hu(3, 4, 5), np.eye(4))
    image.set_sform(np.diag([1.0, 1.0, 1.5, 1.0]), code=1)
    image.set_qform(np.eye(4), code=1)
    nibabel.save(image, tmp_path / "two.nii")
    scan = read_scan(tmp_path / "two.nii")
    (finding,) = scan.findings
    assert finding.code == "FORMS_DISAGREE"
    assert "2.0 mm" in finding.message  # half a millimetre at each of four steps
    np.testing.assert_allclose(scan.volume.spacing_mm, (1, 1, 1.5))


def test_text_named_nifti_is_refused(tmp_path, refusal):
    (tmp_path / "a.nii").write_text("not an image " * 100)
    require(refusal(InputError, read_scan, tmp_path / "a.nii"), "FILE_BROKEN", "a.nii")


def test_other_voxels_and_names_are_not_written(tmp_path, oblique, refusal):
    wide = oblique.with_voxels(oblique.voxels.astype(np.float64))
    require(refusal(OutputError, write_nifti, wide, tmp_path / "a.nii"), "VOXEL_TYPE", "float64")
    error = refusal(OutputError, write_nifti, oblique, tmp_path / "a.img")
    require(error, "UNKNOWN_FORMAT", "a.img", ".nii.gz")
    assert list(tmp_path.iterdir()) == []


def test_the_pelvis_is_read_as_int16_with_its_label(shared_data):
    ct = read_scan(shared_data / "pelvis-3mm" / "ct.nii.gz").volume
    labels = read_labels(shared_data / "pelvis-3mm" / "machine_labels.nii.gz")
    assert ct.voxels.dtype == np.int16
    assert ct.same_grid(labels)
    # 75 and 76 are the femora: left is at greater x in LPS.
    left, right = (
        ct.to_mm(np.argwhere(labels.voxels == label)[:, ::-1]).mean(axis=0) for label in (75, 76)
    )
    assert left[0] > right[0]
    assert np.median(ct.voxels[labels.voxels == 75]) > 150
