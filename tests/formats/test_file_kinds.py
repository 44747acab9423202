"""Files that are not what their names say, each told for what it is."""

import gzip
import zipfile

import nibabel
import numpy as np
import pytest
import SimpleITK
from tests.refusals import require

from afunet.errors import InputError
from afunet.formats.file_kinds import kind_of
from afunet.formats.nifti import write_nifti
from afunet.formats.readers import read_labelling, read_labels, read_scan

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


def zipped(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ct.nii", b"x" * 600)
    return path.read_bytes()


# What begins so, and a name in what is told of it.
FOREIGN = {
    "empty": (b"", "0"),
    "zeros": (bytes(5000), ""),
    "web page": (b"<!DOCTYPE html>\n<html><body>404</body></html>" * 20, ""),
    "web page after spaces": (b"\n\n  <HTML><body>Sign in</body>" * 30, ""),
    "json": (b'{"message": "Not Found"}', "JSON"),
    "json with a mark": (b'\xef\xbb\xbf{"error": 1}', "JSON"),
    "lfs": (LFS, "git lfs pull"),
    "annex": (b"/annex/objects/SHA256E-s12--ab.nii.gz\n", "git annex get"),
    "macos": (b"\x00\x05\x16\x07" + bytes(600), "._"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(600), ".png"),
    "bzip2": (b"BZh91AY" + bytes(600), "bzip2"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(600), "HDF5"),
    "numpy": (b"\x93NUMPY\x01\x00" + bytes(600), "NumPy"),
    "dicom": (bytes(128) + b"DICM" + bytes(600), ".dcm"),
    "text": (b"left knee, after the fall " * 40, ""),
}


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("kind", FOREIGN)
def test_a_file_of_something_else_is_told_for_what_it_is(tmp_path, refusal, kind, suffix):
    content, named = FOREIGN[kind]
    path = tmp_path / f"ct{suffix}"
    path.write_bytes(content)
    code = "FILE_BROKEN" if kind == "text" else "WRONG_KIND"
    for read in (read_scan, read_labels):
        require(refusal(InputError, read, path), code, named, path.name)


def test_what_is_foreign_is_told_apart(tmp_path):
    told = {}
    for kind, (content, _) in FOREIGN.items():
        (tmp_path / "ct.nii").write_bytes(content)
        told[kind] = kind_of(tmp_path / "ct.nii")
    assert told["web page"] == told["web page after spaces"]
    assert told["json"] == told["json with a mark"]
    assert len(set(told.values())) == len(FOREIGN) - 2


def test_what_is_compressed_is_looked_into(tmp_path, refusal):
    for kind in ("web page", "lfs", "json"):
        content, named = FOREIGN[kind]
        (tmp_path / "ct.nii.gz").write_bytes(gzip.compress(content))
        require(refusal(InputError, read_scan, tmp_path / "ct.nii.gz"), "WRONG_KIND", named)


def test_one_volume_format_named_as_another_is_told_its_name(tmp_path, refusal, axial):
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(axial.voxels), str(tmp_path / "a.nrrd"))
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(axial.voxels), str(tmp_path / "a.mha"))
    write_nifti(axial, tmp_path / "a.nii")
    for source, name, *named in (
        ("a.nrrd", "b.nii.gz", "NRRD", "NIfTI", ".nrrd"),
        ("a.mha", "b.nrrd", "MetaImage", "NRRD", ".mha"),
        ("a.nii", "b.mha", "NIfTI", "MetaImage", ".nii"),
        ("a.nii", "b", "NIfTI", ".nii"),
        ("a.nrrd", "b.seg", "NRRD", ".nrrd"),
    ):
        (tmp_path / name).write_bytes((tmp_path / source).read_bytes())
        require(refusal(InputError, read_scan, tmp_path / name), "WRONG_KIND", *named)


@pytest.mark.parametrize("version", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize(("written", "named"), [("a.nii", "b.nii.gz"), ("a.nii.gz", "b.nii")])
def test_compression_that_the_name_denies_is_read_with_a_finding(
    tmp_path, oblique, version, written, named
):
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ oblique.affine
    nibabel.save(version(oblique.voxels.transpose(2, 1, 0), affine), tmp_path / written)
    (tmp_path / written).rename(tmp_path / named)
    scan, labels = read_scan(tmp_path / named), read_labelling(tmp_path / named)
    for read in (scan, labels):
        np.testing.assert_array_equal(read.volume.voxels, oblique.voxels)
        np.testing.assert_allclose(read.volume.affine, oblique.affine, atol=1e-4)
        assert "MISNAMED_FILE" in {finding.code for finding in read.findings}


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.hdr"])
@pytest.mark.parametrize("kept", [0.3, 0.7, 0.97])
def test_a_file_cut_anywhere_is_refused_as_cut(tmp_path, refusal, name, kept):
    voxels = np.random.default_rng(0).integers(-1000, 1500, (30, 40, 50)).astype(np.int16)
    image = nibabel.Nifti1Pair if name == "a.hdr" else nibabel.Nifti1Image
    nibabel.save(image(voxels, np.eye(4)), tmp_path / name)
    path = tmp_path / ("a.img" if name == "a.hdr" else name)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    assert refusal(InputError, read_scan, tmp_path / name).code == "FILE_CUT"


@pytest.mark.parametrize("name", ["huge.nii", "huge.nii.gz"])
def test_a_header_that_tells_of_terabytes_is_refused_before_memory_is_taken(
    tmp_path, refusal, name
):
    header = nibabel.Nifti1Header()
    header.set_data_shape((20000, 20000, 2000))
    header.set_data_dtype(np.int16)
    header["vox_offset"], header["magic"] = 352, b"n+1"
    content = header.binaryblock + bytes(100_004)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    error = refusal(InputError, read_scan, tmp_path / name)
    require(error, "FILE_CUT", "20000 × 20000 × 2000")


def test_a_pair_of_header_and_image_is_read_by_either_name(tmp_path, refusal, oblique):
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ oblique.affine
    nibabel.save(nibabel.Nifti1Pair(oblique.voxels.transpose(2, 1, 0), affine), tmp_path / "a.img")
    for name in ("a.hdr", "a.img"):
        volume = read_scan(tmp_path / name).volume
        np.testing.assert_array_equal(volume.voxels, oblique.voxels)
        np.testing.assert_allclose(volume.affine, oblique.affine, atol=1e-4)
    (tmp_path / "a.img").unlink()
    require(refusal(InputError, read_scan, tmp_path / "a.hdr"), "NO_PARTNER", "a.img")


def test_analyze_is_refused_since_it_knows_no_left(tmp_path, refusal, axial):
    nibabel.save(nibabel.AnalyzeImage(axial.voxels.transpose(2, 1, 0), None), tmp_path / "a.img")
    assert refusal(InputError, read_scan, tmp_path / "a.img").code == "ANALYZE"


def test_a_zip_named_nifti_is_told_to_be_unpacked(tmp_path, refusal):
    content = zipped(tmp_path / "a.zip")
    (tmp_path / "ct.nii.gz").write_bytes(content)
    require(refusal(InputError, read_scan, tmp_path / "ct.nii.gz"), "WRONG_KIND", "zip")


def test_a_byte_that_changed_within_compressed_voxels_is_noticed(tmp_path, refusal):
    """Only the checksum at the end of the file can tell: one stored block, nothing to unpack."""
    image = nibabel.Nifti1Image(np.zeros((30, 40, 50), np.uint8), np.eye(4))
    packed = bytearray(gzip.compress(image.to_bytes(), compresslevel=0))
    packed[len(packed) // 2] ^= 1
    (tmp_path / "a.nii.gz").write_bytes(packed)
    for read in (read_scan, read_labels):
        assert refusal(InputError, read, tmp_path / "a.nii.gz").code == "FILE_CUT"


@pytest.mark.parametrize("tail", [bytes(64), b"more of somebody's bytes"])
def test_bytes_after_the_end_of_a_compressed_file_do_not_matter(tmp_path, axial, tail):
    write_nifti(axial, tmp_path / "a.nii.gz")
    (tmp_path / "a.nii.gz").write_bytes((tmp_path / "a.nii.gz").read_bytes() + tail)
    np.testing.assert_array_equal(read_scan(tmp_path / "a.nii.gz").volume.voxels, axial.voxels)


def test_a_file_packed_twice_is_told(tmp_path, refusal, axial):
    write_nifti(axial, tmp_path / "a.nii.gz")
    (tmp_path / "b.nii.gz").write_bytes(gzip.compress((tmp_path / "a.nii.gz").read_bytes()))
    assert refusal(InputError, read_scan, tmp_path / "b.nii.gz").code == "WRONG_KIND"


def test_headers_that_make_no_sense_are_one_line_and_nothing_else(tmp_path, refusal, axial, capfd):
    write_nifti(axial, tmp_path / "a.nii")
    for place, value in ((70, 9999), (40, 99), (42, -5)):  # type, axes, size
        content = bytearray((tmp_path / "a.nii").read_bytes())
        content[place : place + 2] = np.int16(value).tobytes()
        (tmp_path / "b.nii").write_bytes(content)
        assert refusal(InputError, read_scan, tmp_path / "b.nii").code
    assert capfd.readouterr() == ("", "")


def test_a_folder_of_volumes_given_as_labels_is_told(tmp_path, refusal, axial):
    write_nifti(axial, tmp_path / "a.nii")
    require(refusal(InputError, read_labels, tmp_path), "SEVERAL_FILES", tmp_path.name, 1)
