"""One DICOM image's stored pixels to HU."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import UID

from afunet.errors import InputError
from afunet.formats.dicom.files import broken_files_refused, open_dataset, syntax_name
from afunet.formats.dicom.header import Header
from afunet.formats.hu import rescaled


def read_hu(header: Header, where: str) -> NDArray[np.int16] | NDArray[np.float32]:
    """HU (row, column) of one image by its own slope and intercept (PS3.3 C.11.1.1.2).

    Bits above Bits Stored (overlays in old files, PS3.5 section 8.1.1) are ignored. Slope 1
    and intercept 0 stand in where there are none. `where` names the slice in errors. Raises
    `InputError` for pixels that are missing, cut or cannot be decoded.
    """
    if header.high_bit != header.bits_stored - 1:
        raise InputError(
            f"{where}: the pixels sit in high bit {header.high_bit} of {header.bits_stored} "
            f"stored bits, expected {header.bits_stored - 1}: convert the series first"
        )
    stored = _stored(header, where)
    slope = 1.0 if header.slope is None else header.slope
    intercept = 0.0 if header.intercept is None else header.intercept
    return rescaled(stored, slope, intercept)


def _stored(header: Header, where: str) -> NDArray[Any]:
    with broken_files_refused(header.path):
        dataset = open_dataset(header.path, header_only=False)
    _require_whole(dataset, header, where)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return dataset.pixel_array
    except Exception:  # each decoder has its own types
        raise InputError(
            f"{where}: the pixel data ({syntax_name(header.transfer_syntax)}) cannot be decoded, "
            "they are cut or broken: copy the series again"
        ) from None


def _require_whole(dataset: Dataset, header: Header, where: str) -> None:
    present = len(dataset.get("PixelData") or b"")
    is_native = not UID(header.transfer_syntax).is_encapsulated
    wanted = header.rows * header.columns * header.bits_allocated // 8 if is_native else 1
    if present < wanted:
        expected = f"{wanted} bytes" if is_native else "an image"
        raise InputError(
            f"{where}: the pixel data are cut: {present} bytes, expected {expected}: "
            "copy the series again"
        )
