"""Files that once broke the reader, each as small as it can be."""

from contextlib import suppress
from functools import partial

import imagecodecs
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import (
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLSLossless,
)
from tests.refusals import refused

from afunet.errors import AfunetError
from afunet.formats.dicom import jpeg
from afunet.formats.readers import list_series, read_scan
from afunet.geometry import Volume


def refusal(path):
    with pytest.raises(AfunetError) as caught:
        read_scan(path)
    assert "\n" not in str(caught.value)
    list_series(path)
    return caught.value.code


@pytest.fixture
def victim(tmp_path, write_series, axial):
    """One file of a series; alter it and read the folder."""
    return write_series(tmp_path / "ct", axial)[2]


def altered(path, before, after):
    content = path.read_bytes()
    assert before in content
    path.write_bytes(content.replace(before, after, 1))
    return path.parent


def test_an_image_larger_than_any_ct_is_refused_before_memory_is_taken(victim):
    rows = b"\x28\x00\x10\x00US\x02\x00"
    assert refusal(altered(victim, rows + b"\x06\x00", rows + b"\xff\xff")) == "IMAGE_TOO_LARGE"


def test_a_transfer_syntax_that_is_none_is_refused(victim):
    folder = altered(victim, b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.9.1\0")
    assert refusal(folder) == "NO_DECODER"


def test_an_unknown_kind_of_value_in_what_results_need_is_read_as_text(victim):
    dataset = dcmread(victim)
    dataset.StudyInstanceUID = "1.2.3.4.5.6"
    dataset.save_as(victim)
    folder = altered(victim, b"\x20\x00\x0d\x00UI", b"\x20\x00\x0d\x00UK")
    findings = read_scan(folder).findings
    assert [finding.code for finding in findings] == ["SERIES_JOINED", "SEVERAL_STUDIES"]


def test_pixels_of_an_unknown_kind_of_value_are_refused(victim):
    folder = altered(victim, b"\xe0\x7f\x10\x00OW", b"\xe0\x7f\x10\x00O\0")
    assert refusal(folder) == "CUT_FILE"


def test_sequences_that_never_end_are_told_as_a_broken_file(victim):
    sequence = b"\x08\x00\x40\x11SQ\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    samples = b"\x28\x00\x02\x00US"
    folder = altered(victim, samples, sequence * 60 + samples)
    with refused(AfunetError, "CUT_FILE", victim.name):
        read_scan(folder)


def compressed(dataset, syntax, stream):
    dataset.PixelData = encapsulate([bytes(stream(dataset.pixel_array))])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = syntax


STREAMS = {
    JPEG2000Lossless: imagecodecs.jpeg2k_encode,
    JPEGLossless: partial(imagecodecs.jpeg8_encode, lossless=True, bitspersample=12),
    JPEGExtended12Bit: partial(imagecodecs.jpeg8_encode, bitspersample=12),
    HTJ2KLossless: imagecodecs.htj2k_encode,
}


@pytest.mark.parametrize("syntax", STREAMS, ids=lambda syntax: syntax.name)
def test_a_broken_stream_is_refused_and_does_not_end_the_process(tmp_path, write_series, syntax):
    values = np.random.default_rng(0).integers(-1000, 1000, (3, 40, 40)).astype(np.int16)
    paths = write_series(
        tmp_path / "ct",
        Volume(values, np.eye(4)),
        BitsStored=12,
        HighBit=11,
        compress=lambda dataset: compressed(dataset, syntax, STREAMS[syntax]),
    )
    assert read_scan(tmp_path / "ct").volume.shape == (3, 40, 40)
    whole = paths[1].read_bytes()
    start = dcmread(paths[1]).PixelData[16:40]
    for byte in range(0, 90, 3):
        content = bytearray(whole)
        content[whole.find(start) + byte] ^= 0x55
        paths[1].write_bytes(content)
        with suppress(AfunetError):  # or it is read, where the byte did not matter
            read_scan(tmp_path / "ct")


def test_a_jpeg_ls_stream_without_its_end_is_not_given_to_the_decoder(
    tmp_path, write_series, monkeypatch
):
    """CharLS reads on for seconds."""

    def cut(stored):
        return bytes(imagecodecs.jpegls_encode(stored))[:-100]

    write_series(
        tmp_path,
        Volume(np.random.default_rng(0).integers(-1000, 1000, (2, 40, 40)), np.eye(4)),
        compress=lambda dataset: compressed(dataset, JPEGLSLossless, cut),
    )
    monkeypatch.setitem(jpeg.CODECS, JPEGLSLossless, lambda *_, **__: pytest.fail("was asked"))
    assert refusal(tmp_path) == "CUT_PIXELS"


def test_rows_that_part_an_image_into_several_are_refused(victim):
    rows = b"\x28\x00\x10\x00US\x02\x00"
    assert refusal(altered(victim, rows + b"\x06\x00", rows + b"\x02\x00")) == "CUT_PIXELS"


def test_a_jpeg_that_claims_another_size_takes_no_memory(tmp_path, write_series):
    path = write_series(
        tmp_path,
        Volume(np.zeros((1, 40, 40), np.int16), np.eye(4)),
        compress=lambda dataset: compressed(dataset, JPEGLossless, STREAMS[JPEGLossless]),
    )[0]
    size = b"\xff\xc3\x00\x0b\x0c"
    folder = altered(path, size + b"\x00\x28", size + b"\xff\xff")
    assert refusal(folder) == "CUT_PIXELS"
