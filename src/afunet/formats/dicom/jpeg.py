"""Decode JPEG of 8 and 12 bits, lossless JPEG and JPEG-LS by libjpeg-turbo and CharLS.

pydicom would use GDCM for the first three, but GDCM ends the whole process on some broken streams
and cannot decode 12 bits. CharLS reads for seconds past the end of a stream that was cut off, so
such streams are refused before. This is a pydicom decoding plugin with the names that it requires.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.pixels.decoders.base import DecodeRunner, get_decoder
from pydicom.uid import (
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
)

PLUGIN = "imagecodecs"
CODECS: dict[str, Callable[..., NDArray[Any]]] = {
    JPEGBaseline8Bit: imagecodecs.jpeg8_decode,
    JPEGExtended12Bit: imagecodecs.jpeg8_decode,
    JPEGLossless: imagecodecs.jpeg8_decode,
    JPEGLosslessSV1: imagecodecs.jpeg8_decode,
    JPEGLSLossless: imagecodecs.jpegls_decode,
    JPEGLSNearLossless: imagecodecs.jpegls_decode,
}
DECODER_DEPENDENCIES = dict.fromkeys(CODECS, (PLUGIN,))
END_OF_IMAGE = b"\xff\xd9"


def is_available(uid: str) -> bool:
    """Whether this plugin decodes a transfer syntax."""
    return uid in CODECS


def decode_frame(stream: bytes, runner: DecodeRunner) -> bytes:
    """Decode the stored numbers of one frame into bytes of Bits Allocated.

    Raises an error of imagecodecs, or `ValueError`, if the stream is cut off or broken or does not
    have the size of the image.
    """
    if runner.samples_per_pixel != 1 or runner.bits_allocated > 16:
        raise ValueError("not a grey image of 16 bits or less")
    if not bytes(stream).rstrip(b"\0").endswith(END_OF_IMAGE):
        raise ValueError("the stream does not end")
    numbers = _decoded(stream, CODECS[runner.transfer_syntax], (runner.rows, runner.columns))
    # In 16 bits, the sign of a signed number is still at the end of Bits Stored.
    kind = np.int16 if runner.pixel_representation == 1 else np.uint16
    unused = 16 - runner.bits_stored
    values = (numbers.astype(np.uint16) << unused).view(kind) >> unused
    return values.astype(f"<i{runner.bits_allocated // 8}", copy=False).tobytes()


def _decoded(
    stream: bytes, decode: Callable[..., NDArray[Any]], shape: tuple[int, int]
) -> NDArray[np.unsignedinteger]:
    # The stream must fill the given array, so a false size in it takes no memory.
    for kind in (np.uint16, np.uint8):
        try:
            return decode(stream, out=np.empty(shape, kind))
        except ValueError as error:
            refused = error
    raise refused


def register() -> None:
    """Register this plugin with pydicom, once."""
    for syntax in CODECS:
        decoder = get_decoder(syntax)
        if PLUGIN not in decoder.available_plugins:
            decoder.add_plugin(PLUGIN, (__name__, decode_frame.__name__))
