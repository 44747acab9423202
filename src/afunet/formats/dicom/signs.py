"""Correct slices whose pixels show another sign or another padding than their header states."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from afunet.findings import Finding, repaired, slices_named
from afunet.formats.dicom.header import Header
from afunet.formats.dicom.pixels import AIR_HU, DARK_HU
from afunet.formats.edge_pieces import bright_filling, touching_edge
from afunet.formats.hu_scale import BRIGHTEST_HU
from afunet.formats.slice_values import values_of

Pixels = NDArray[Any]
Read = Callable[[Header, int], Pixels]

# A wrong sign leaves steps of more than half the range of numbers; the right one leaves hardly any.
FEWEST_CLIFFS, CLIFFS_LEFT = 4, 0.1
MOST_METAL = 0.05
AIR_ENDS_HU, MOSTLY = -700.0, 0.95


def with_their_signs(
    slices: list[Pixels], headers: list[Header], read: Read
) -> tuple[Finding, ...]:
    """Read slices again, in place, if their sign differs from the header."""
    wrong = []
    for index, header in enumerate(headers):
        if not _has_cliffs(slices[index], header):
            continue
        other = replace(header, is_signed=not header.is_signed)
        hu = read(other, index)
        if _is_smoother(hu, slices[index], header) and _is_wrong(slices[index], hu, header):
            slices[index], headers[index] = hu, other
            wrong.append(index)
    if not wrong:
        return ()
    as_signed = headers[wrong[0]].is_signed
    declared, are = ("unsigned", "signed") if as_signed else ("signed", "unsigned")
    message = f"{slices_named(wrong, len(slices))} declare {declared} values but hold {are} ones"
    return (repaired("SIGN_WRONG", message, f"read as {are}"),)


def _has_cliffs(hu: Pixels, header: Header) -> bool:
    if hu.size == 0 or float(hu.max()) - float(hu.min()) <= _half_range_hu(header):
        return False
    return _cliffs(hu, header) >= FEWEST_CLIFFS


def _cliffs(hu: Pixels, header: Header) -> int:
    """The number of neighbouring pixels that differ by more than half the range of numbers."""
    half = _half_range_hu(header)
    wide = hu.astype(np.float32)
    return sum(int((np.abs(np.diff(wide, axis=axis)) > half).sum()) for axis in (0, 1))


def _half_range_hu(header: Header) -> float:
    slope = 1.0 if header.slope is None else abs(header.slope)
    return slope * float(2 ** (header.bits_stored - 1))


def _is_smoother(other: Pixels, hu: Pixels, header: Header) -> bool:
    return _cliffs(other, header) <= CLIFFS_LEFT * _cliffs(hu, header)


def _is_wrong(hu: Pixels, other: Pixels, header: Header) -> bool:
    """Whether the header's sign is impossible: metal beside soft tissue is a large step too."""
    if header.is_signed:
        return True  # values far below air and next to bone are bone
    moved = np.asarray(hu != other)
    if not values_of(hu).is_hu and values_of(other).is_hu:
        return True
    if float(hu.max()) > BRIGHTEST_HU and (moved.mean() > MOST_METAL or _lies_in_air(moved, other)):
        return True
    return bool((moved <= touching_edge(moved)).all())


def _lies_in_air(mask: NDArray[np.bool_], hu: Pixels) -> bool:
    """Whether air surrounds the pixels: there, noise below the smallest number wraps round."""
    around = binary_dilation(mask, np.ones((3, 3))) & ~mask
    return bool(around.any() and (hu[around] < AIR_ENDS_HU).mean() >= MOSTLY)


def without_bright_filling(slices: list[Pixels]) -> tuple[Finding, ...]:
    """Set to air, in place, the areas that one bright value fills from the edge."""
    filled = []
    for index, hu in enumerate(slices):
        filling = bright_filling(hu)
        if filling is None:
            continue
        emptied = np.where(filling, hu.dtype.type(AIR_HU), hu)
        if values_of(emptied).is_hu:  # otherwise the scale is wrong
            slices[index] = emptied
            filled.append(index)
    if not filled:
        return ()
    message = f"{slices_named(filled, len(slices))} are filled from the edge with one bright value"
    return (repaired("BRIGHT_PADDING", message, "taken as air"),)


def padding_findings(slices: Sequence[Pixels], headers: Sequence[Header]) -> tuple[Finding, ...]:
    """Report slices that have the stated padding value within the body, where it is no padding."""
    within = [
        index
        for index, (hu, header) in enumerate(zip(slices, headers, strict=True))
        if _holds_padding(hu, header)
    ]
    if not within:
        return ()
    message = (
        f"{slices_named(within, len(slices))} have the stated padding value within the body, where "
        "it belongs to the image"
    )
    return (repaired("PADDING_IN_BODY", message, "kept as HU"),)


def _holds_padding(hu: Pixels, header: Header) -> bool:
    if header.padding is None:
        return False
    slope, intercept = header.rescale or (1.0, 0.0)
    low, high = sorted(slope * stored + intercept for stored in header.padding)
    return bool(high >= DARK_HU and ((hu >= max(low, DARK_HU)) & (hu <= high)).any())
