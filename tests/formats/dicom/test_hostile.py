"""Files that once broke the reader, each as small as it can be."""

from contextlib import suppress

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import JPEG2000Lossless

from afunet.errors import AfunetError
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


def test_an_unknown_kind_of_value_in_what_results_need_is_refused(victim):
    dataset = dcmread(victim)
    dataset.StudyInstanceUID = "1.2.3.4.5.6"
    dataset.save_as(victim)
    folder = altered(victim, b"\x20\x00\x0d\x00UI", b"\x20\x00\x0d\x00UK")
    assert refusal(folder) == "CUT_FILE"


def test_a_broken_jpeg_2000_stream_is_refused_and_does_not_end_the_process(tmp_path, write_series):
    values = np.random.default_rng(0).integers(-1000, 1000, (3, 40, 40)).astype(np.int16)
    paths = write_series(
        tmp_path / "ct",
        Volume(values, np.eye(4)),
        compress=lambda dataset: dataset.compress(JPEG2000Lossless, generate_instance_uid=False),
    )
    for byte in range(0, 60, 3):
        content = bytearray(paths[1].read_bytes())
        start = content.find(b"\xff\x4f\xff\x51")
        content[start + byte] ^= 0x55
        broken = tmp_path / f"broken{byte}"
        broken.mkdir()
        for path in paths:
            (broken / path.name).write_bytes(content if path == paths[1] else path.read_bytes())
        with suppress(AfunetError):  # or it is read, where the byte did not matter
            read_scan(broken)
