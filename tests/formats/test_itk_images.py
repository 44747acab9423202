"""What NRRD and MetaImage files can get wrong."""

import numpy as np
import pytest
import SimpleITK
from tests.refusals import require

from afunet.errors import InputError, OutputError
from afunet.formats.itk_images import write_itk_image
from afunet.formats.readers import read_scan


def hu(*shape):
    return (np.arange(np.prod(shape)) * 20 - 1000).astype(np.int16).reshape(shape)


def write_nrrd(path, array, *fields):
    """Array (column, row, slice) with the header's own fields."""
    sizes = " ".join(map(str, array.shape))
    header = ["NRRD0004", "type: int16", "dimension: 3", f"sizes: {sizes}", "endian: little"]
    text = "\n".join([*header, "encoding: raw", *fields, "", ""])
    path.write_bytes(text.encode() + array.tobytes(order="F"))


def test_a_nrrd_in_ras_lies_at_its_lps_millimetre(tmp_path):
    array = hu(4, 5, 6)
    write_nrrd(
        tmp_path / "ct.nrrd",
        array,
        "space: right-anterior-superior",
        "space directions: (2,0,0) (0,3,0) (0,0,4)",
        "space origin: (10,20,30)",
    )
    scan = read_scan(tmp_path / "ct.nrrd")
    assert [finding.code for finding in scan.findings] == ["COARSE_PIXELS"]
    assert scan.volume.voxels[3, 2, 1] == array[1, 2, 3]
    np.testing.assert_allclose(scan.volume.to_mm([1, 2, 3]), (-12, -26, 42))


def test_a_nrrd_without_a_space_is_a_warning(tmp_path):
    write_nrrd(tmp_path / "ct.nrrd", hu(4, 5, 6), "spacings: 1 1 2")
    codes = [finding.code for finding in read_scan(tmp_path / "ct.nrrd").findings]
    assert codes == ["ORIENTATION_UNKNOWN"]


@pytest.mark.parametrize(("header", "data"), [("a.nhdr", "a.raw"), ("a.mhd", "a.raw")])
def test_a_detached_header_needs_its_data(tmp_path, refusal, header, data):
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(hu(4, 5, 6)), str(tmp_path / header))
    np.testing.assert_array_equal(read_scan(tmp_path / header).volume.voxels, hu(4, 5, 6))
    (tmp_path / data).unlink()
    require(refusal(InputError, read_scan, tmp_path / header), "FILE_BROKEN", header)


def test_a_time_axis_and_colour_are_refused(tmp_path, refusal):
    series = SimpleITK.JoinSeries([SimpleITK.GetImageFromArray(hu(4, 5, 6))] * 2)
    SimpleITK.WriteImage(series, str(tmp_path / "time.nrrd"))
    require(refusal(InputError, read_scan, tmp_path / "time.nrrd"), "NOT_A_VOLUME", 4)
    colour = SimpleITK.GetImageFromArray(hu(4, 5, 6, 3), isVector=True)
    SimpleITK.WriteImage(colour, str(tmp_path / "colour.mha"))
    require(refusal(InputError, read_scan, tmp_path / "colour.mha"), "NOT_A_VOLUME", 3)


def test_only_formats_of_one_file_are_written(tmp_path, oblique, refusal):
    error = refusal(OutputError, write_itk_image, oblique, tmp_path / "a.mhd")
    require(error, "UNKNOWN_FORMAT", "a.mhd", ".nrrd", ".mha")


def test_the_description_is_kept_in_the_header(tmp_path, oblique):
    write_itk_image(oblique, tmp_path / "a.nrrd", "afunet\nmask")
    image = SimpleITK.ReadImage(str(tmp_path / "a.nrrd"))
    assert image.GetMetaData("Comment") == "afunet mask"
