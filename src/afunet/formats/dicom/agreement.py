"""Slices whose header gives another scale or sign than their pixels have, read as they must be.

A slice is read otherwise than its header says only where its neighbours leave no doubt: as it is it
does not fit them, and in the other reading it does. What stays in doubt is refused here where the
header is silent, and by `hu_scale` where it is wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from afunet.errors import InputError
from afunet.findings import Finding, repaired, warning
from afunet.formats.dicom.header import Header
from afunet.formats.dicom.pixels import AIR_HU, DARK_HU
from afunet.formats.edge_pieces import bright_filling, touching_edge
from afunet.formats.hu_scale import BRIGHTEST_HU, breaks
from afunet.formats.slice_values import SliceValues, pooled, values_of

Pixels = NDArray[Any]
Read = Callable[[Header, int], Pixels]

# A reading fits where it shares so much with its neighbours, and so much more than another.
FITS, CLEARLY_BETTER, LIKE_THE_OTHERS = 0.5, 0.2, 0.4
SAME_HU = 0.5
NEAREST = 4
# A sign read wrongly leaves cliffs of half the range of the numbers; read rightly it leaves none.
FEWEST_CLIFFS, CLIFFS_LEFT = 4, 0.1
MOST_METAL = 0.05
AIR_ENDS_HU, MOSTLY = -700.0, 0.95
NAMED = 5


@dataclass(frozen=True, eq=False)
class Agreed:
    """HU slices in order, those mended that had to be, and what was noticed."""

    slices: list[Pixels]
    findings: tuple[Finding, ...]


def agreed(slices: Sequence[Pixels], headers: Sequence[Header], read: Read) -> Agreed:
    """The slices of a stack, each with the sign and the rescale that its pixels show.

    `read` gives the HU of a header, which may be changed, at an index. Raises `InputError` with
    `RESCALE_MISSING` where some slices lack the rescale and their values fit in neither reading.
    """
    kept, changed = list(slices), list(headers)
    _without_flat_slopes(kept, changed, read)
    padding = _padding_findings(kept, headers)
    findings = _with_their_signs(kept, changed, read) + _without_bright_filling(kept)
    return Agreed(kept, findings + _with_their_rescale(kept, changed, read) + padding)


def _without_flat_slopes(slices: list[Pixels], headers: list[Header], read: Read) -> None:
    """A slope of 0 in some slices leaves nothing of them: it counts as not there."""
    flat = [index for index, header in enumerate(headers) if header.slope == 0]
    if len(flat) == len(headers):
        return
    for index in flat:
        headers[index] = replace(headers[index], slope=None)
        slices[index] = read(headers[index], index)


def _with_their_signs(
    slices: list[Pixels], headers: list[Header], read: Read
) -> tuple[Finding, ...]:
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
    message = f"{_places(wrong, len(slices))} declare {declared} values but hold {are} ones"
    return (repaired("SIGN_WRONG", message, f"read as {are}"),)


def _has_cliffs(hu: Pixels, header: Header) -> bool:
    if hu.size == 0 or float(hu.max()) - float(hu.min()) <= _half_range_hu(header):
        return False
    return _cliffs(hu, header) >= FEWEST_CLIFFS


def _cliffs(hu: Pixels, header: Header) -> int:
    """The number of neighbouring pixels that lie more than half the numbers' range apart."""
    half = _half_range_hu(header)
    wide = hu.astype(np.float32)
    return sum(int((np.abs(np.diff(wide, axis=axis)) > half).sum()) for axis in (0, 1))


def _half_range_hu(header: Header) -> float:
    slope = 1.0 if header.slope is None else abs(header.slope)
    return slope * float(2 ** (header.bits_stored - 1))


def _is_smoother(other: Pixels, hu: Pixels, header: Header) -> bool:
    return _cliffs(other, header) <= CLIFFS_LEFT * _cliffs(hu, header)


def _is_wrong(hu: Pixels, other: Pixels, header: Header) -> bool:
    """Whether the reading by the header is impossible; metal beside flesh is a cliff too."""
    if header.is_signed:
        return True  # what lies far below air and next to bone is bone
    moved = np.asarray(hu != other)
    if not values_of(hu).is_hu and values_of(other).is_hu:
        return True
    if float(hu.max()) > BRIGHTEST_HU and (moved.mean() > MOST_METAL or _lies_in_air(moved, other)):
        return True
    return bool((moved <= touching_edge(moved)).all())


def _lies_in_air(mask: NDArray[np.bool_], hu: Pixels) -> bool:
    """Whether what surrounds some pixels is air: noise below the smallest number wraps round."""
    around = binary_dilation(mask, np.ones((3, 3))) & ~mask
    return bool(around.any() and (hu[around] < AIR_ENDS_HU).mean() >= MOSTLY)


def _without_bright_filling(slices: list[Pixels]) -> tuple[Finding, ...]:
    filled = []
    for index, hu in enumerate(slices):
        filling = bright_filling(hu)
        if filling is None:
            continue
        emptied = np.where(filling, hu.dtype.type(AIR_HU), hu)
        if values_of(emptied).is_hu:  # else it is the scale that is wrong
            slices[index] = emptied
            filled.append(index)
    if not filled:
        return ()
    message = f"{_places(filled, len(slices))} are filled from the edge with one bright value"
    return (repaired("BRIGHT_PADDING", message, "taken as air"),)


def _padding_findings(slices: Sequence[Pixels], headers: Sequence[Header]) -> tuple[Finding, ...]:
    within = [
        index
        for index, (hu, header) in enumerate(zip(slices, headers, strict=True))
        if _holds_padding(hu, header)
    ]
    if not within:
        return ()
    message = (
        f"{_places(within, len(slices))} hold pixels of the stated padding value in the body, "
        "where it is an image value"
    )
    return (repaired("PADDING_IN_BODY", message, "kept as HU"),)


def _holds_padding(hu: Pixels, header: Header) -> bool:
    if header.padding is None:
        return False
    slope, intercept = header.rescale or (1.0, 0.0)
    low, high = sorted(slope * stored + intercept for stored in header.padding)
    return bool(high >= DARK_HU and ((hu >= max(low, DARK_HU)) & (hu <= high)).any())


def _with_their_rescale(
    slices: list[Pixels], headers: list[Header], read: Read
) -> tuple[Finding, ...]:
    without = [index for index, header in enumerate(headers) if header.rescale is None]
    if len(without) == len(headers):
        return ()
    values = [values_of(hu) for hu in slices]
    good = _good(values, headers)
    borrowed: list[int] = []
    corrected: list[int] = []
    for index in range(len(slices)):
        if index in good or (not good and index not in without):
            continue
        reading = _reading(index, values, headers, good, slices, read)
        if reading is not None:
            slices[index] = reading
            (borrowed if index in without else corrected).append(index)
    return _rescale_findings(without, borrowed, corrected, len(slices))


def _good(values: Sequence[SliceValues], headers: Sequence[Header]) -> set[int]:
    """The slices whose own rescale gives HU, and HU like most of the others'."""
    able = [
        index
        for index, one in enumerate(values)
        if one.speaks and one.is_hu and headers[index].rescale is not None
    ]
    # Slices without flesh fit any scale that makes air of them: those that show flesh know better.
    knowing = {headers[index].rescale for index in able if values[index].flesh_hu is not None}
    able = [index for index in able if not knowing or headers[index].rescale in knowing]
    if not able:
        return set()
    usual = pooled(values[index] for index in able)
    alike = {index for index in able if values[index].likeness(usual) >= LIKE_THE_OTHERS}
    return {index for index in alike if _agrees(index, values, alike)}


def _agrees(index: int, values: Sequence[SliceValues], alike: set[int]) -> bool:
    near = pooled(values[other] for other in _nearest(index, alike - {index}) or (index,))
    return values[index].likeness(near) >= FITS and not breaks(values[index], near)


def _reading(
    index: int,
    values: Sequence[SliceValues],
    headers: Sequence[Header],
    good: set[int],
    slices: Sequence[Pixels],
    read: Read,
) -> Pixels | None:
    """The slice by the rescale of its neighbours, or None where it stays as it was read."""
    own, lacking = values[index], headers[index].rescale is None
    fits, others = 0.0, []
    near = _nearest(index, good)
    if near and own.speaks:
        neighbours = pooled(values[other] for other in near)
        fits = own.likeness(neighbours)
        others = _others(index, headers, near, slices, read)
        others = [hu for hu in others if _could_be(values_of(hu), own, neighbours, fits)]
    if len(others) == 1:
        return others[0]
    if not lacking or (not others and near and own.is_hu and fits >= FITS):
        return None
    raise InputError(
        f"slice {index + 1} of {len(values)} has no usable rescale slope or intercept, others "
        "have, and its values leave in doubt whether theirs are meant: export the series again",
        code="RESCALE_MISSING",
    )


def _could_be(other: SliceValues, own: SliceValues, neighbours: SliceValues, fits: float) -> bool:
    likeness = other.likeness(neighbours)
    improves = likeness >= max(FITS, fits + CLEARLY_BETTER)
    explains = own.flesh_hu is None or other.explained(0) >= own.explained(0) - 0.02
    return improves and other.is_hu and explains


def _others(
    index: int,
    headers: Sequence[Header],
    near: Sequence[int],
    slices: Sequence[Pixels],
    read: Read,
) -> list[Pixels]:
    """The slice by each rescale of its neighbours, and as if its stored values were HU."""
    header, found = headers[index], [slices[index]]
    rescales = Counter(headers[other].rescale for other in near)
    for slope, intercept in [pair for pair, _ in rescales.most_common() if pair] + [(1.0, 0.0)]:
        hu = read(replace(header, slope=slope, intercept=intercept), index)
        if all(np.abs(hu - one.astype(np.float32)).max() > SAME_HU for one in found):
            found.append(hu)
    return found[1:]


def _nearest(index: int, among: set[int]) -> list[int]:
    return sorted(among, key=lambda other: abs(other - index))[:NEAREST]


def _rescale_findings(
    without: list[int], borrowed: list[int], corrected: list[int], total: int
) -> tuple[Finding, ...]:
    found = []
    kept = sorted(set(without) - set(borrowed))
    if kept:
        message = (
            f"{_places(kept, total)} have no usable rescale slope or intercept, others have; their "
            "stored values fit as HU"
        )
        found.append(warning("RESCALE_MISSING_IN_SOME", message))
    if borrowed:
        message = f"{_places(borrowed, total)} have no usable rescale slope or intercept"
        found.append(repaired("RESCALE_BORROWED", message, "read with that of their neighbours"))
    if corrected:
        message = f"{_places(corrected, total)} lie on another scale than their neighbours"
        found.append(repaired("RESCALE_CORRECTED", message, "read as their neighbours are"))
    return tuple(found)


def _places(indices: Sequence[int], total: int) -> str:
    numbers = [str(index + 1) for index in indices[:NAMED]]
    more = ", …" if len(indices) > NAMED else ""
    return f"{len(indices)} of {total} slices (number {', '.join(numbers)}{more})"
