"""Stored numbers of every kind, their rescale, padding and what does not belong to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from .case import Case, doubtful, refused, same
from .encoding import Stored, StoredArray
from .files import HUArray, SliceFile
from .forms import changed, having, plain, writing
from .planes import COLUMNS, PIXEL_MM, ROWS, SLICES

_EVERY_OTHER = range(0, SLICES, 2)
_RADIUS_MM = 45.0  # the leg reaches 41 mm from the middle of the field

SIGNED = Stored(signed=True, intercept=0.0)
TWELVE_BITS = Stored(bits=12)
EIGHT_BITS = Stored(allocated=8, bits=8, slope=12.0)


def _outside() -> np.ndarray:
    """The pixels outside of the round field that was reconstructed."""
    y, x = np.ogrid[:ROWS, :COLUMNS]
    return np.hypot(y - (ROWS - 1) / 2, x - (COLUMNS - 1) / 2) * PIXEL_MM > _RADIUS_MM


def padded(stored: Stored, value: int, **elements: Any) -> list[SliceFile]:
    """The plain slices with a stored value outside of the round field."""

    def pad(numbers: StoredArray) -> StoredArray:
        return np.where(_outside(), np.array(value, numbers.dtype), numbers)

    return having(plain(stored=stored, change_stored=pad), **elements)


def _in_range(numbers: StoredArray) -> StoredArray:
    """Two values of padding, as two stages of a reconstruction leave them."""
    left = np.where(np.arange(COLUMNS) < COLUMNS // 2, -2000, -1990)
    return np.where(_outside(), left, numbers).astype(numbers.dtype)


def _stored_as(stored: Stored) -> Callable[[SliceFile], SliceFile]:
    return lambda file: replace(file, stored=stored)


def _with_overlay(numbers: StoredArray) -> StoredArray:
    """An overlay plane in bit 12, above the 12 stored bits."""
    overlay = np.indices(numbers.shape).sum(axis=0) % 3 == 0
    return numbers | (overlay.astype(numbers.dtype) << 12)


def _without_sign_bits(numbers: StoredArray) -> StoredArray:
    """Negative numbers of 12 bits whose sign is not carried on into the unused bits."""
    return numbers & np.array(0x0FFF, numbers.dtype)


def _flat(hu: HUArray) -> HUArray:
    return np.full_like(hu, -1000)


CASES: dict[str, Case] = {
    "signed 16 bits": same(writing(plain(stored=SIGNED)), SLICES),
    "signed 16 bits, intercept −1024": same(writing(plain(stored=Stored(signed=True))), SLICES),
    "signed and unsigned slices": same(
        writing(changed(plain(), _stored_as(Stored(signed=True)), _EVERY_OTHER)), SLICES
    ),
    "12 in 16 bits": same(writing(plain(stored=TWELVE_BITS)), SLICES),
    "12 in 16 bits, overlay above them": same(
        writing(plain(stored=TWELVE_BITS, change_stored=_with_overlay)), SLICES
    ),
    "12 in 16 bits, signed": same(writing(plain(stored=replace(SIGNED, bits=12))), SLICES),
    "12 in 16 bits, sign not carried on": same(
        writing(plain(stored=replace(SIGNED, bits=12), change_stored=_without_sign_bits)), SLICES
    ),
    "12 in 16 bits, left aligned": same(
        writing(plain(stored=replace(TWELVE_BITS, left_aligned=True))), SLICES, "LEFT_ALIGNED"
    ),
    "8 bits, slope 12": same(writing(plain(stored=EIGHT_BITS)), SLICES),
    "slope 0.5": same(writing(plain(stored=Stored(slope=0.5))), SLICES),
    "slope 1.25, intercept −1000.5": same(
        writing(plain(stored=Stored(slope=1.25, intercept=-1000.5))), SLICES
    ),
    "intercept −8192": same(writing(plain(stored=Stored(intercept=-8192.0))), SLICES),
    "mixed rescale": same(
        writing(changed(plain(), _stored_as(Stored(slope=0.5, intercept=-1000.0)), _EVERY_OTHER)),
        SLICES,
        "MIXED_RESCALE",
    ),
    "no rescale, stored values are HU": doubtful(
        writing(having(plain(stored=SIGNED), RescaleSlope=None, RescaleIntercept=None)),
        SLICES,
        "NO_RESCALE",
    ),
    "rescale type is not HU": doubtful(
        writing(having(plain(), RescaleType="US")), SLICES, "RESCALE_NOT_HU"
    ),
    "rescale type HU stated": same(writing(having(plain(), RescaleType="HU")), SLICES),
    "padding −2000": same(
        writing(padded(Stored(signed=True), -2000, PixelPaddingValue=-2000)), SLICES, "PADDING"
    ),
    "padding brighter than bone": same(
        writing(padded(TWELVE_BITS, 4095, PixelPaddingValue=4095)), SLICES, "PADDING"
    ),
    "padding over a range of values": same(
        writing(
            having(
                plain(stored=Stored(signed=True), change_stored=_in_range),
                PixelPaddingValue=-2000,
                PixelPaddingRangeLimit=-1990,
            )
        ),
        SLICES,
        "PADDING",
    ),
    "padding −2000, not stated": same(writing(padded(Stored(signed=True), -2000)), SLICES),
    "padding stated, none there": same(
        writing(having(plain(stored=Stored(signed=True)), PixelPaddingValue=-2000)), SLICES
    ),
    "MONOCHROME1": same(
        writing(having(plain(), PhotometricInterpretation="MONOCHROME1")), SLICES, "MONOCHROME1"
    ),
    "grey values from 0 to 255": refused(
        writing(having(plain(stored=EIGHT_BITS), RescaleSlope=1, RescaleIntercept=0)),
        "VALUES_NOT_HU",
    ),
    "intercept left out of the values": refused(
        writing(having(plain(), RescaleIntercept=0)), "VALUES_NOT_HU"
    ),
    "one value everywhere": refused(writing(plain(change_hu=_flat)), "CONSTANT_IMAGE"),
    "slope 0": refused(writing(having(plain(), RescaleSlope=0)), "CONSTANT_IMAGE"),
}
