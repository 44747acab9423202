"""From stored pixels to HU, compressed and not."""

import gdcm
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless
from tests.refusals import require

from afunet.errors import InputError
from afunet.formats.readers import read_scan
from afunet.geometry import Volume

LOSSLESS = {"RLE": RLELossless, "JPEG-LS": JPEGLSLossless, "JPEG 2000": JPEG2000Lossless}


@pytest.fixture
def wide(axial):
    """32 × 32 slices with every HU from -1024 to 3071 somewhere: compressors want some size."""
    voxels = np.random.default_rng(0).permutation(4096).reshape(4, 32, 32) - 1024
    return Volume(voxels.astype(np.int16), axial.affine)


@pytest.mark.parametrize("name", LOSSLESS)
@pytest.mark.parametrize("signed", [0, 1])
def test_lossless_compression_gives_every_hu_back(tmp_path, write_series, wide, name, signed):
    write_series(
        tmp_path,
        wide,
        PixelRepresentation=signed,
        compress=lambda dataset: dataset.compress(LOSSLESS[name], generate_instance_uid=False),
    )
    scan = read_scan(tmp_path)
    np.testing.assert_array_equal(scan.volume.voxels, wide.voxels)
    assert name in scan.source.transfer_syntax


@pytest.mark.parametrize("process", ["JPEGLosslessProcess14", "JPEGLosslessProcess14_1"])
def test_lossless_jpeg_by_gdcm_gives_every_hu_back(tmp_path, write_series, wide, process):
    for path in write_series(tmp_path, wide):
        reader = gdcm.ImageReader()
        reader.SetFileName(str(path))
        assert reader.Read()
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, process)))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer = gdcm.ImageWriter()
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        writer.SetFileName(str(path))
        assert writer.Write()
    assert dcmread(tmp_path / "IM0001").file_meta.TransferSyntaxUID.is_encapsulated
    np.testing.assert_array_equal(read_scan(tmp_path).volume.voxels, wide.voxels)


def test_every_slice_has_its_own_slope_and_intercept(tmp_path, write_slice):
    for index, (slope, intercept) in enumerate([(1, -1024), (2, -1000), (1, 0)]):
        write_slice(
            tmp_path / f"{index}",
            np.zeros((1, 2)),
            np.eye(4),
            index,
            RescaleSlope=slope,
            RescaleIntercept=intercept,
            PixelData=np.array([10, 500], dtype=np.uint16).tobytes(),
        )
    voxels = read_scan(tmp_path).volume.voxels
    assert voxels.dtype == np.int16
    assert voxels.tolist() == [[[-1014, -524]], [[-980, 0]], [[10, 500]]]


def test_a_broken_slope_gives_float32(tmp_path, write_slice):
    for index, slope in enumerate((1, 0.5)):
        write_slice(
            tmp_path / f"{index}",
            np.zeros((1, 2)),
            np.eye(4),
            index,
            RescaleSlope=slope,
            PixelData=np.array([1, 2001], dtype=np.uint16).tobytes(),
        )
    voxels = read_scan(tmp_path).volume.voxels
    assert voxels.dtype == np.float32
    assert voxels.tolist() == [[[-1023, 977]], [[-1023.5, -23.5]]]


def test_signed_pixels_below_zero_are_read(tmp_path, write_series, axial):
    write_series(tmp_path, axial, PixelRepresentation=1, RescaleIntercept=0)
    np.testing.assert_array_equal(read_scan(tmp_path).volume.voxels, axial.voxels)


@pytest.mark.parametrize(("signed", "overlay"), [(0, 0xF000), (1, 0x8000), (1, 0x5000)])
def test_overlay_bits_above_the_stored_twelve_are_ignored(tmp_path, write_slice, signed, overlay):
    # 0x123 = 291 and 0xF85, which is 3973 unsigned and -123 as a signed number of 12 bits.
    for index in range(2):
        write_slice(
            tmp_path / f"{index}",
            np.zeros((1, 2)),
            np.eye(4),
            index,
            BitsStored=12,
            HighBit=11,
            PixelRepresentation=signed,
            RescaleIntercept=-1000,
            PixelData=np.array([0x123 | overlay, 0xF85], dtype=np.uint16).tobytes(),
        )
    assert read_scan(tmp_path).volume.voxels[0].tolist() == [[-709, -1123 if signed else 2973]]


def test_a_missing_rescale_is_a_warning(tmp_path, write_series, axial):
    write_series(tmp_path, axial, RescaleSlope=None, RescaleIntercept=None, PixelRepresentation=1)
    scan = read_scan(tmp_path)
    np.testing.assert_array_equal(scan.volume.voxels, axial.voxels)
    assert [finding.code for finding in scan.findings] == ["NO_RESCALE"]


def test_monochrome1_changes_the_display_not_the_hu(tmp_path, write_series, axial):
    write_series(tmp_path, axial, PhotometricInterpretation="MONOCHROME1")
    scan = read_scan(tmp_path)
    np.testing.assert_array_equal(scan.volume.voxels, axial.voxels)
    assert [finding.code for finding in scan.findings] == ["MONOCHROME1"]


def test_a_lossy_history_is_a_warning(tmp_path, write_series, axial):
    write_series(tmp_path, axial, LossyImageCompression="01")
    assert [finding.code for finding in read_scan(tmp_path).findings] == ["LOSSY_COMPRESSION"]


def test_pixels_cut_short_name_the_slice(tmp_path, write_series, axial, refusal):
    write_series(
        tmp_path,
        axial,
        change=lambda index: {"PixelData": b"\0" * 40} if index == 2 else {},
    )
    named = (3, 4, 40, 60)
    require(refusal(InputError, read_scan, tmp_path), "CUT_PIXELS", *named)


@pytest.mark.parametrize("name", LOSSLESS)
@pytest.mark.parametrize("kept", [0.95, 0.6, 0.45])
def test_a_compressed_file_cut_short_names_the_slice(
    tmp_path, write_series, wide, refusal, name, kept
):
    paths = write_series(tmp_path, wide, compress=lambda data: data.compress(LOSSLESS[name]))
    path = paths[1]
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    error = refusal(InputError, read_scan, tmp_path)
    require(error, "CUT_PIXELS", 2, 4)


def test_pixels_in_the_upper_bits_are_brought_down(tmp_path, write_series, axial):
    def upper(index):
        stored = (axial.voxels[index].astype(np.int32) + 1024) << 4
        return {"PixelData": stored.astype(np.uint16).tobytes()}

    write_series(tmp_path, axial, BitsStored=12, HighBit=15, change=upper)
    scan = read_scan(tmp_path)
    np.testing.assert_array_equal(scan.volume.voxels, axial.voxels)
    assert [finding.code for finding in scan.findings] == ["LEFT_ALIGNED"]


def test_signed_pixels_in_the_upper_bits_keep_their_sign(tmp_path, write_series, axial):
    def upper(index):
        return {"PixelData": (axial.voxels[index] << 4).astype(np.int16).tobytes()}

    low = Volume(np.clip(axial.voxels, -2048, 2047), axial.affine)
    write_series(
        tmp_path,
        low,
        BitsStored=12,
        HighBit=15,
        PixelRepresentation=1,
        RescaleIntercept=0,
        change=upper,
    )
    np.testing.assert_array_equal(read_scan(tmp_path).volume.voxels, low.voxels)


def test_padding_is_air_whatever_its_value(tmp_path, write_series, axial):
    def padded(index):
        stored = (axial.voxels[index].astype(np.int32) + 1024).astype(np.uint16)
        stored[0, :2] = 63536
        return {"PixelData": stored.tobytes(), "PixelPaddingValue": 63536}

    write_series(tmp_path, axial, change=padded)
    scan = read_scan(tmp_path)
    assert (scan.volume.voxels[:, 0, :2] == -1024).all()
    np.testing.assert_array_equal(scan.volume.voxels[:, 1:], axial.voxels[:, 1:])
    assert scan.volume.voxels.dtype == np.int16
    assert [finding.code for finding in scan.findings] == ["PADDING"]


def test_a_range_of_padding_is_air(tmp_path, write_series, axial):
    write_series(tmp_path, axial, PixelPaddingValue=0, PixelPaddingRangeLimit=1024 - 900)
    expected = np.where(axial.voxels <= -900, -1024, axial.voxels)
    np.testing.assert_array_equal(read_scan(tmp_path).volume.voxels, expected)
