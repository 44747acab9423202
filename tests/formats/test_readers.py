"""The contract of every format, and what concerns none in particular."""

from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK
from PIL import Image
from tests.refusals import refused, require

from afunet.errors import Cancelled, ConfigError, GeometryError, InputError
from afunet.formats.itk_images import write_itk_image
from afunet.formats.nifti import write_nifti
from afunet.formats.readers import READERS, list_series, read_labels, read_scan
from afunet.geometry import Volume
from afunet.watch import CancelToken, Watch


def write_pngs(folder: Path, volume: Volume) -> None:
    folder.mkdir()
    grey = np.rint((volume.voxels.astype(float) + 300) / 1600 * 255).clip(0, 255).astype(np.uint8)
    for index, image in enumerate(grey):
        Image.fromarray(image).save(folder / f"{index}.png")


@pytest.fixture(params=sorted(READERS))
def kind(request):
    return request.param


@pytest.fixture
def write(kind, tmp_path, write_series):
    """Write a volume in the format; gives the path."""

    def write_one(volume):
        if kind == "DICOM series":
            write_series(tmp_path / "dicom", volume)
            return tmp_path / "dicom"
        if kind == "PNG stack":
            write_pngs(tmp_path / "png", volume)
            return tmp_path / "png"
        name, writer = {
            "NIfTI": ("ct.nii.gz", write_nifti),
            "NRRD": ("ct.nrrd", write_itk_image),
            "MetaImage": ("ct.mha", write_itk_image),
        }[kind]
        writer(volume, tmp_path / name, "a phantom")
        return tmp_path / name

    return write_one


@pytest.fixture
def phantom(kind, oblique):
    """What the format can hold of the oblique phantom: PNG knows no place and 256 values."""
    if kind != "PNG stack":
        return oblique
    grey = np.arange(120, dtype=np.float32).reshape(4, 6, 5)
    return Volume(grey * np.float32(1600 / 255) - np.float32(300), np.diag([0.7, 0.8, 2.5, 1]))


@pytest.fixture
def options(kind):
    return {"spacing_mm": (0.7, 0.8, 2.5)} if kind == "PNG stack" else {}


def test_a_format_gives_back_the_voxels_at_their_millimetres(kind, write, phantom, options):
    scan = read_scan(write(phantom), **options)
    np.testing.assert_array_equal(scan.volume.voxels, phantom.voxels)
    np.testing.assert_allclose(scan.volume.affine, phantom.affine, atol=1e-5)
    assert scan.source.kind == kind
    assert scan.source.spacing_known


def test_whole_hu_come_as_int16_others_as_float32(kind, write, phantom, options):
    volume = read_scan(write(phantom), **options).volume
    assert volume.voxels.dtype == (np.float32 if kind == "PNG stack" else np.int16)
    assert volume.voxels.flags.c_contiguous


def test_a_constant_volume_is_refused(write, phantom, options, refusal):
    constant = phantom.with_voxels(np.full_like(phantom.voxels, 40))
    assert refusal(InputError, read_scan, write(constant), **options).code == "CONSTANT_IMAGE"


def test_a_single_slice_is_read_with_a_warning(write, phantom, options):
    scan = read_scan(write(Volume(phantom.voxels[:1], phantom.affine)), **options)
    assert scan.volume.shape == (1, 6, 5)
    assert [finding.code for finding in scan.findings].count("ONE_SLICE") == 1


def test_values_without_air_are_refused_as_no_hu(write, phantom, options):
    bright = phantom.with_voxels(np.maximum(phantom.voxels, -50))
    with refused(InputError, "VALUES_NOT_HU"):
        read_scan(write(bright), **options)


def test_values_without_bone_are_noticed(write, phantom, options):
    dark = phantom.with_voxels(np.minimum(phantom.voxels, 60))
    codes = {finding.code for finding in read_scan(write(dark), **options).findings}
    assert "NO_BONE_VALUES" in codes


def test_values_with_air_and_bone_are_taken_as_hu(write, phantom, options):
    codes = {finding.code for finding in read_scan(write(phantom), **options).findings}
    assert "NO_BONE_VALUES" not in codes


def test_progress_ends_at_all_slices_and_a_request_to_stop_is_heard(write, phantom, options):
    path, calls, cancel = write(phantom), [], CancelToken()
    read_scan(path, watch=Watch(lambda *call: calls.append(call)), **options)
    assert calls[-1][1:] == (4, 4)
    cancel.cancel()
    with pytest.raises(Cancelled):
        read_scan(path, watch=Watch(cancel=cancel), **options)


def test_the_list_of_series_names_size_and_spacing(kind, write, phantom):
    (summary,) = list_series(write(phantom))
    assert summary.source.kind == kind
    assert summary.size == (5, 6, 4)
    assert summary.chosen
    spacing = (1, 1, 1) if kind == "PNG stack" else (0.7, 0.8, 2.5)
    np.testing.assert_allclose(summary.spacing_mm, spacing, atol=1e-5)
    assert summary.coverage_mm == pytest.approx(4 * spacing[2], abs=1e-4)
    assert summary.orientation == ("axial" if kind == "PNG stack" else "oblique")


def test_a_broken_file_is_refused_in_one_line(kind, write, phantom, options, refusal):
    path = write(phantom)
    for file in [path] if path.is_file() else path.iterdir():
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    assert refusal(InputError, read_scan, path, **options).code


def test_labels_come_back_as_they_were(kind, write, phantom, options, refusal):
    labels = phantom.with_voxels((np.arange(120) % 2).astype(np.uint8).reshape(4, 6, 5))
    if kind == "DICOM series":
        assert refusal(InputError, read_labels, write(labels)).code == "WRONG_KIND"
    elif kind == "PNG stack":
        return  # in test_png_stack: labels are not exported through the window
    else:
        volume = read_labels(write(labels))
        assert volume.voxels.dtype == np.uint8
        np.testing.assert_array_equal(volume.voxels, labels.voxels)
        np.testing.assert_allclose(volume.affine, labels.affine, atol=1e-5)


@pytest.mark.parametrize("name", ["l.nii.gz", "l.nrrd", "l.mha"])
def test_whole_floats_are_labels_and_others_are_refused(tmp_path, oblique, name, refusal):
    writer = write_nifti if name.endswith("gz") else write_itk_image
    labels = np.zeros((4, 6, 5), dtype=np.float32)
    labels[1, 2, 3] = 300
    writer(oblique.with_voxels(labels), tmp_path / name)
    volume = read_labels(tmp_path / name)
    assert volume.voxels.dtype == np.int16
    assert volume.voxels[1, 2, 3] == 300
    labels[0, 0, :2] = 0.5
    writer(oblique.with_voxels(labels), tmp_path / name)
    require(refusal(InputError, read_labels, tmp_path / name), "BAD_LABELS", 2, 120)


@pytest.mark.parametrize("name", ["ct.nii", "ct.nrrd", "ct.mha"])
def test_values_that_are_not_finite_are_counted_and_refused(tmp_path, oblique, name, refusal):
    voxels = oblique.voxels.astype(np.float32)
    voxels[0, 0, :3] = (np.nan, np.inf, np.nan)
    (write_nifti if name.endswith("nii") else write_itk_image)(
        oblique.with_voxels(voxels), tmp_path / name
    )
    require(refusal(InputError, read_scan, tmp_path / name), "NOT_FINITE", 3, 120)


def test_a_path_that_is_not_there_is_named(tmp_path, refusal):
    error = refusal(InputError, read_scan, tmp_path / "nowhere")
    require(error, "NO_SUCH_PATH", tmp_path / "nowhere")


def test_no_path_at_all_is_refused(refusal):
    assert refusal(InputError, read_scan, []).code == "NOTHING_GIVEN"


def test_a_path_that_may_not_be_read_is_refused(kind, write, phantom, monkeypatch, refusal):
    path = write(phantom)

    def deny(opened, *args, **kw):
        raise PermissionError(13, "Permission denied", str(opened))

    # A tester may be root, whom no file mode keeps out.
    monkeypatch.setattr("os.scandir", deny)
    monkeypatch.setattr("pathlib.Path.open", deny)
    assert refusal(InputError, read_scan, path).code == "UNREADABLE"


def test_options_of_another_format_are_refused(kind, write, phantom, refusal):
    path = write(phantom)
    if kind != "DICOM series":
        error = refusal(ConfigError, read_scan, path, series="1.2")
        require(error, "OPTIONS_CLASH", "DICOM", kind)
    if kind != "PNG stack":
        error = refusal(ConfigError, read_scan, path, spacing_mm=(1.0, 1.0, 1.0))
        require(error, "OPTIONS_CLASH", "PNG", kind)


def test_two_volume_files_are_one_too_many(tmp_path, oblique, refusal):
    for name in ("a.nii", "b.nii"):
        write_nifti(oblique, tmp_path / name)
    paths = [tmp_path / "a.nii", tmp_path / "b.nii"]
    require(refusal(InputError, read_scan, paths), "SEVERAL_FILES", 2, "NIfTI")


def test_a_file_of_no_known_format_is_refused(tmp_path, refusal):
    (tmp_path / "notes.txt").write_text("left knee, after the fall\n" * 20)
    assert refusal(InputError, read_scan, tmp_path / "notes.txt").code == "NO_DICOM"


def test_a_sheared_volume_is_refused_with_its_angle(tmp_path, axial, refusal):
    affine = np.diag([1.0, 1.0, 1.0, 1.0])
    affine[1, 2] = np.tan(np.radians(15))
    image = nibabel.Nifti1Image(axial.voxels.transpose(2, 1, 0), affine)
    nibabel.save(image, tmp_path / "tilted.nii")
    require(refusal(GeometryError, read_scan, tmp_path / "tilted.nii"), "SHEARED", "15.0")


def test_values_outside_int16_stay_exact_as_float32(tmp_path, axial):
    image = SimpleITK.GetImageFromArray(axial.voxels.astype(np.int32) * 100)
    SimpleITK.WriteImage(image, str(tmp_path / "wide.mha"))
    voxels = read_scan(tmp_path / "wide.mha").volume.voxels
    assert voxels.dtype == np.float32
    np.testing.assert_array_equal(voxels, axial.voxels.astype(np.int32) * 100)


def test_contours_given_as_labels_are_named_with_how_to_turn_them(
    tmp_path, axial, write_slice, refusal
):
    path = write_slice(tmp_path / "a.dcm", axial.voxels[0], axial.affine, 0, Modality="RTSTRUCT")
    error = refusal(InputError, read_labels, path)
    require(error, "WRONG_KIND", "RT Structure Set", "NIfTI")
