"""Correct slices whose pixels have another scale or sign than their header says.

A slice is read differently from its header only if its neighbours leave no doubt: read by the
header it does not match them, read the other way it does. Doubtful slices are refused: here if
the header gives no rescale, by `hu_scale` if the header is wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from afunet.errors import InputError
from afunet.findings import Finding, repaired, slices_named, warning
from afunet.formats.dicom.header import Header
from afunet.formats.dicom.signs import (
    Pixels,
    Read,
    padding_findings,
    with_their_signs,
    without_bright_filling,
)
from afunet.formats.hu_scale import breaks
from afunet.formats.slice_values import SliceValues, pooled, values_of

# A reading fits if it shares this much with its neighbours, and this much more than another one.
FITS, CLEARLY_BETTER, LIKE_THE_OTHERS = 0.5, 0.2, 0.4
SAME_HU = 0.5
NEAREST = 4


@dataclass(frozen=True, eq=False)
class Agreed:
    """HU slices in order, corrected where necessary, and the findings."""

    slices: list[Pixels]
    findings: tuple[Finding, ...]


def agreed(slices: Sequence[Pixels], headers: Sequence[Header], read: Read) -> Agreed:
    """Return the slices of a stack, each with the sign and rescale that its pixels show.

    `read` returns the HU for a header, which may be changed, and its index. Raises `InputError`
    with `RESCALE_MISSING` if slices lack the rescale and their values fit neither reading.
    """
    kept, changed = list(slices), list(headers)
    _without_flat_slopes(kept, changed, read)
    padding = padding_findings(kept, headers)
    findings = with_their_signs(kept, changed, read) + without_bright_filling(kept)
    return Agreed(kept, findings + _with_their_rescale(kept, changed, read) + padding)


def _without_flat_slopes(slices: list[Pixels], headers: list[Header], read: Read) -> None:
    """Treat a slope of 0 in some slices as missing, since it would erase them."""
    flat = [index for index, header in enumerate(headers) if header.slope == 0]
    if len(flat) == len(headers):
        return
    for index in flat:
        headers[index] = replace(headers[index], slope=None)
        slices[index] = read(headers[index], index)


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
    """Indices of the slices whose own rescale gives HU that are similar to those of most others."""
    able = [
        index
        for index, one in enumerate(values)
        if one.speaks and one.is_hu and headers[index].rescale is not None
    ]
    # Slices without soft tissue fit any scale that turns them into air: the others decide.
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
    """The slice read with the rescale of its neighbours, or None if it stays as it was read."""
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
        f"slice {index + 1} of {len(values)} has no usable rescale slope or intercept although "
        "others have, and its values do not show whether theirs apply: export the series again",
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
    """The slice read with each rescale of its neighbours, and with its stored values as HU."""
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
            f"{slices_named(kept, total)} have no usable rescale slope or intercept although "
            "others have; their stored values match the others as HU"
        )
        found.append(warning("RESCALE_MISSING_IN_SOME", message))
    if borrowed:
        message = f"{slices_named(borrowed, total)} have no usable rescale slope or intercept"
        found.append(repaired("RESCALE_BORROWED", message, "read with those of their neighbours"))
    if corrected:
        message = f"{slices_named(corrected, total)} have another scale than their neighbours"
        found.append(repaired("RESCALE_CORRECTED", message, "read on the neighbours' scale"))
    return tuple(found)
