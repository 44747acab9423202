"""Convert the stored pixels of one DICOM image to HU."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import pixel_array
from pydicom.uid import JPEG2000TransferSyntaxes, RLELossless

from afunet.errors import InputError
from afunet.formats.dicom import jpeg
from afunet.formats.dicom.files import broken_files_refused, open_dataset, syntax_name, syntax_of
from afunet.formats.dicom.header import Header
from afunet.formats.edge_pieces import large_at_edge
from afunet.formats.hu import rescaled

AIR_HU = -1024
# Padding darker than the first is accepted anywhere; in the range of soft tissue nowhere.
DARK_HU, FLESH_ENDS_HU = -300, 300
jpeg.register()


class ImageFiles:
    """Opens the files of headers, and keeps the last one for its next frame."""

    def __init__(self) -> None:
        self._last: tuple[Path, Dataset] | None = None

    def dataset(self, path: Path) -> Dataset:
        """Return the file's data set with its pixels; `InputError` if it cannot be read."""
        if self._last is None or self._last[0] != path:
            with broken_files_refused(path):
                dataset = open_dataset(path)
                _ = dataset.get("PixelData")  # pydicom parses elements only when accessed
            self._last = path, dataset
        return self._last[1]


def read_hu(
    header: Header, where: str, files: ImageFiles | None = None
) -> NDArray[np.int16] | NDArray[np.float32]:
    """HU (row, column) of one image by its own slope and intercept (PS3.3 C.11.1.1.2).

    Bits above Bits Stored (overlays in old files, PS3.5 section 8.1.1) are ignored, and padding
    becomes air. A missing slope is 1, a missing intercept 0. `where` names the slice in errors.
    Raises `InputError` for pixels that are missing, cut off or cannot be decoded.
    """
    dataset = (files or ImageFiles()).dataset(header.path)
    stored = _stored(dataset, header, where)
    slope = 1.0 if header.slope is None else header.slope
    intercept = 0.0 if header.intercept is None else header.intercept
    padded = _padded(stored, header, slope, intercept)
    if padded is None or not padded.any():
        return rescaled(stored, slope, intercept)
    # Padding may be far from all values of the image and must not decide the number format.
    kept = stored[~padded]
    image = np.where(padded, kept[0] if kept.size else stored.dtype.type(0), stored)
    hu = rescaled(image, slope, intercept)
    hu[padded] = AIR_HU
    return hu


def _padded(
    stored: NDArray[Any], header: Header, slope: float, intercept: float
) -> NDArray[np.bool_] | None:
    """Which pixels are padding; None if the header names no padding value.

    Pixels darker than soft tissue are padding anywhere. Brighter pixels are padding if they reach
    the edge of the image in one large piece. Pixels with values of soft tissue never are: in the
    body they are body, and outside they do no harm.
    """
    if header.padding is None:
        return None
    low, high = header.padding
    said = np.asarray((stored >= low) & (stored <= high))
    if not said.any():
        return said
    value = stored * slope + intercept
    dark = said & (value < DARK_HU)
    if max(low * slope, high * slope) + intercept >= DARK_HU:
        dark &= (stored == low) | (stored == high)  # a range from air to soft tissue is no padding
    bright = said & (value > FLESH_ENDS_HU)
    return dark | (large_at_edge(bright) if bright.any() else bright)


def _stored(dataset: Dataset, header: Header, where: str) -> NDArray[Any]:
    _require_known_syntax(header, where)
    _require_whole(dataset, header, where)
    plugin = _decoder(header, where)
    shift = header.high_bit - (header.bits_stored - 1)
    if shift < 0:
        raise InputError(
            f"{where}: high bit {header.high_bit} is too low for {header.bits_stored} stored bits: "
            "convert the series first",
            code="BAD_BITS",
        )
    try:
        with warnings.catch_warnings(action="ignore"):
            if shift:
                stored = _shifted(dataset, header, shift, plugin)
            else:
                stored = pixel_array(dataset, index=header.frame, decoding_plugin=plugin)
        stored = _signed_as(stored, header)
        if stored.shape != (header.rows, header.columns):  # header and pixel data disagree
            raise ValueError
    except Exception:  # each decoder raises its own types
        raise InputError(
            f"{where}: the pixel data ({syntax_name(header.transfer_syntax)}) are cut off or "
            "broken and cannot be decoded: copy the series again",
            code="CUT_PIXELS",
        ) from None
    return stored


def _signed_as(stored: NDArray[Any], header: Header) -> NDArray[Any]:
    """The same bits with the sign of `header`, which may differ from that of the file.

    PS3.5 section 8.1.1: signed values are stored as two's complement.
    """
    if header.is_signed == (stored.dtype.kind == "i") or stored.dtype.kind not in "iu":
        return stored
    size = stored.dtype.itemsize
    unused = 8 * size - header.bits_stored
    bits = stored.view(f"u{size}") << unused
    return np.asarray(bits.view(f"i{size}" if header.is_signed else f"u{size}") >> unused)


def _require_known_syntax(header: Header, where: str) -> None:
    try:
        _ = syntax_of(header.transfer_syntax).is_encapsulated
    except ValueError:
        raise InputError(
            f"{where}: DICOM does not define its transfer syntax: copy the series again",
            code="NO_DECODER",
        ) from None


def _decoder(header: Header, where: str) -> str:
    """The one plugin that decodes a transfer syntax; "" if nothing is compressed.

    A second plugin is never tried: GDCM ends the whole process on some broken streams that the
    others refuse. Raises `InputError` if there is no decoder, as for video.
    """
    syntax = syntax_of(header.transfer_syntax)
    if not syntax.is_encapsulated:
        return ""
    try:
        known = get_decoder(syntax).is_available
    except NotImplementedError:
        known = False
    if not known:
        raise InputError(
            f"{where}: afunet has no decoder for {syntax_name(syntax)} with {header.bits_stored} "
            "bits: export the series uncompressed",
            code="NO_DECODER",
        )
    if syntax == RLELossless:
        return "pydicom"
    return "pylibjpeg" if syntax in JPEG2000TransferSyntaxes else jpeg.PLUGIN


def _shifted(dataset: Dataset, header: Header, shift: int, plugin: str) -> NDArray[Any]:
    """Shift pixels from the upper bits of their words down, keeping their sign."""
    whole = Dataset()
    whole.update(dataset)
    whole.file_meta = dataset.file_meta
    whole.BitsStored, whole.HighBit = header.bits_allocated, header.bits_allocated - 1
    values = pixel_array(whole, index=header.frame, decoding_plugin=plugin)
    # Bits above the high bit are shifted out to the left first.
    above = header.bits_allocated - 1 - header.high_bit
    return np.asarray((values << above) >> (above + shift))


def _require_whole(dataset: Dataset, header: Header, where: str) -> None:
    present = len(dataset.get("PixelData") or b"")
    is_native = not syntax_of(header.transfer_syntax).is_encapsulated
    wanted = header.rows * header.columns * header.bits_allocated // 8 if is_native else 1
    if is_native and header.frame is not None:
        wanted *= header.frame + 1
    if present < wanted:
        expected = f"{wanted} bytes" if is_native else "an image"
        raise InputError(
            f"{where}: the pixel data are cut off: {present} bytes, expected {expected}: "
            "copy the series again",
            code="CUT_PIXELS",
        )
