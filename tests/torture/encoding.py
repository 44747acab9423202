"""HU to stored numbers, and stored numbers to the pixel data of every transfer syntax."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gdcm
import imagecodecs
import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000,
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSNearLossless,
)

StoredArray = NDArray[np.integer]

# pydicom has no encoder for these.
BY_GDCM = {
    JPEGBaseline8Bit: gdcm.TransferSyntax.JPEGBaselineProcess1,
    JPEGLossless: gdcm.TransferSyntax.JPEGLosslessProcess14,
    JPEGLosslessSV1: gdcm.TransferSyntax.JPEGLosslessProcess14_1,
}
BY_IMAGECODECS: dict[UID, tuple[Callable[..., Any], dict[str, int]]] = {
    HTJ2KLossless: (imagecodecs.htj2k_encode, {}),
    HTJ2KLosslessRPCL: (imagecodecs.htj2k_encode, {}),
    JPEGExtended12Bit: (imagecodecs.jpeg8_encode, {"bitspersample": 12, "level": 98}),
}
LOSSY_OPTIONS: dict[UID, dict[str, object]] = {
    JPEGLSNearLossless: {"jls_error": 3},
    JPEG2000: {"j2k_cr": [6]},
}


@dataclass(frozen=True)
class Stored:
    """How HU become stored numbers (PS3.5 section 8.1.1, PS3.3 C.11.1.1.2)."""

    allocated: int = 16
    bits: int = 16
    signed: bool = False
    slope: float = 1.0
    intercept: float = -1024.0
    left_aligned: bool = False

    @property
    def high_bit(self) -> int:
        """The place of the most significant stored bit."""
        return self.allocated - 1 if self.left_aligned else self.bits - 1

    def of(self, hu: ArrayLike) -> StoredArray:
        """The stored numbers, clipped to what the bits hold."""
        low, high = (
            (-(2 ** (self.bits - 1)), 2 ** (self.bits - 1) - 1)
            if self.signed
            else (
                0,
                2**self.bits - 1,
            )
        )
        numbers = np.rint((np.asarray(hu, dtype=np.float64) - self.intercept) / self.slope)
        whole = np.clip(numbers, low, high).astype(np.int32)
        if self.left_aligned:
            whole <<= self.allocated - self.bits
        return whole.astype(f"{'i' if self.signed else 'u'}{self.allocated // 8}")


UNSIGNED = Stored()


def put_pixels(dataset: Dataset, stored: StoredArray, syntax: str) -> None:
    """Set the pixel data and the transfer syntax of a data set that describes its pixels."""
    uid = UID(syntax)
    dataset.file_meta.TransferSyntaxUID = uid
    if uid == ExplicitVRBigEndian:
        stored = stored.byteswap()
    put_native(dataset, stored)
    if not uid.is_encapsulated:
        return
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    if uid in BY_GDCM:
        _replace(dataset, _gdcm_pixels(dataset, uid), uid)
    elif uid in BY_IMAGECODECS:
        _replace(dataset, encapsulate(_imagecodecs_frames(stored, dataset, uid)), uid)
    else:
        dataset.compress(uid, generate_instance_uid=False, **LOSSY_OPTIONS.get(uid, {}))


def put_native(dataset: Dataset, stored: StoredArray) -> None:
    """Set uncompressed pixel data in the byte order of the array."""
    pixels = stored.tobytes()
    dataset.PixelData = pixels + b"\0" * (len(pixels) % 2)
    dataset["PixelData"].VR = "OB" if stored.dtype.itemsize == 1 else "OW"


def _replace(dataset: Dataset, encapsulated: bytes, syntax: UID) -> None:
    dataset.PixelData = encapsulated
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = syntax


def _gdcm_pixels(dataset: Dataset, syntax: UID) -> bytes:
    """The encapsulated pixel data that GDCM writes for the data set."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "image"))
        dataset.save_as(path, enforce_file_format=True)
        reader = gdcm.ImageReader()
        reader.SetFileName(path)
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(gdcm.TransferSyntax(BY_GDCM[syntax]))
        if not reader.Read():
            raise ValueError(f"GDCM cannot read the slice to compress as {syntax.name}")
        change.SetInput(reader.GetImage())
        writer = gdcm.ImageWriter()
        writer.SetFileName(path)
        writer.SetFile(reader.GetFile())
        if not change.Change():
            raise ValueError(f"GDCM cannot compress the slice as {syntax.name}")
        writer.SetImage(change.GetOutput())
        writer.Write()
        return bytes(dcmread(path).PixelData)


def _imagecodecs_frames(stored: StoredArray, dataset: Dataset, syntax: UID) -> list[bytes]:
    """Code streams of what neither pydicom nor GDCM writes well (GDCM declares 16 bits for 12)."""
    encode, options = BY_IMAGECODECS[syntax]
    frames = stored.reshape(-1, dataset.Rows, dataset.Columns)
    return [bytes(encode(np.ascontiguousarray(frame), **options)) for frame in frames]
