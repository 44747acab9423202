"""Check that a volume's values are HU, from the values of air and soft tissue, not the header."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afunet.errors import InputError
from afunet.formats.slice_values import FLESH_HU, SHIFTS_HU, SliceValues, pooled, values_of

AIR_IS_BELOW_HU = -50
# Without air, muscle and enough bone must be present to recognise the scale.
MUSCLE_HU, BONE_FROM_HU, LEAST_BONE = (32.0, 80.0), 250.0, 0.005
HARDLY_DARK = 0.01
# A finger in the field of a whole body is a thousandth of it.
LEAST_LIGHT = 1e-4
# Air that was shifted down by about a thousand.
AIR_HU, SHIFTED_AIR_HU = -1000.0, (-2150.0, -1850.0)
# The values that programs write where they remove the background.
PADDED_WITH_AIR_HU = (-1024.0, -1000.0)
# Metal seldom exceeds 20,000 HU, and scanners store at most 31,743.
BRIGHTEST_HU, MOST_TOO_BRIGHT = 32767.0, 1e-4
EDGE_IS_BRIGHT_HU, MOST_OF_EDGE = 300.0, 0.4
GREY_VALUES = 256
# Neighbours share most of their values; a slice that does so only after a shift was read wrongly.
NEIGHBOURS_SHARE, CLEARLY_ALIKE, HARDLY_WORSE = 0.6, 0.25, 0.02
LEAST_ALIKE = 0.2
# Air does not end between two slices.
FULL_OF_AIR = 0.2
# Nor does a table begin there.
MOST_GAINED = 0.1
NEAREST = 4


def require_hu(voxels: NDArray[Any], *, whole_range: bool = True) -> None:
    """Raise `InputError` if the values (slice, row, column) are hardly HU, in all or some slices.

    Without `whole_range`, as in pictures through a window, only dark values are required. Codes:
    `VALUES_NOT_HU`, `VALUES_TOO_HIGH`, `SLICES_DISAGREE`. Air and soft tissue are not checked in
    slices of fewer than 1,600 pixels.
    """
    slices = [values_of(hu) for hu in voxels]
    low, high = min(one.low for one in slices), max(one.high for one in slices)
    judged = [(number, one) for number, one in enumerate(slices, start=1) if one.speaks]
    every = pooled(one for _, one in judged) if judged else None
    if low >= AIR_IS_BELOW_HU and not (every and _shows_flesh_and_bone(every)):
        raise _no_air(voxels, low, high)
    if every is not None and whole_range:
        _require_believable_height(voxels, high)
        _require_scale(every)
        _require_dark_edge(voxels)
        _require_agreement(judged)


def _shows_flesh_and_bone(every: SliceValues) -> bool:
    """Whether a field without air or fat shows muscle and bone at their values in HU."""
    flesh = every.flesh_hu
    is_muscle = flesh is not None and MUSCLE_HU[0] <= flesh < MUSCLE_HU[1]
    return is_muscle and every.is_hu and _shows_bone(every)


def _no_air(voxels: NDArray[Any], low: float, high: float) -> InputError:
    values = np.unique(voxels)
    if len(values) <= GREY_VALUES and values[0] >= 0 and (values == np.rint(values)).all():
        message = (
            f"the image holds {len(values)} different whole numbers from {low:g} to {high:g}, "
            "which are hardly HU: is it a label or a picture, or are image and label swapped?"
        )
    else:
        message = (
            f"the values range from {low:g} to {high:g} and are hardly HU, expected air below "
            f"{AIR_IS_BELOW_HU}: give the series with its rescale intercept"
        )
    return InputError(message, code="VALUES_NOT_HU")


def _require_believable_height(voxels: NDArray[Any], high: float) -> None:
    if high <= BRIGHTEST_HU:
        return
    share = float((voxels > BRIGHTEST_HU).mean())
    if share > MOST_TOO_BRIGHT:
        raise InputError(
            f"{share:.2%} of the voxels are brighter than {BRIGHTEST_HU:g} HU, up to {high:g}, "
            "more than any metal: signed values were stored as unsigned; export the series again",
            code="VALUES_TOO_HIGH",
        )


def _require_scale(every: SliceValues) -> None:
    is_scale = every.is_hu and every.has_flesh_peak and not _is_narrow(every)
    is_scale &= 1 - every.dark >= LEAST_LIGHT
    if is_scale and not _is_shifted_down(every):
        return
    raise InputError(
        f"the values are hardly HU: {_levels(every)}, expected air near -1000 and soft tissue from "
        f"-150 to 100{_cause(every)}: give the series with its own rescale values",
        code="VALUES_NOT_HU",
    )


def _is_narrow(every: SliceValues) -> bool:
    """Whether there is neither air nor bone: values that were scaled down look like soft tissue.

    A background that was set to the HU of air shows the scale as air does.
    """
    if every.padding and PADDED_WITH_AIR_HU[0] <= every.low <= PADDED_WITH_AIR_HU[1]:
        return False
    return every.dark < HARDLY_DARK and not _shows_bone(every)


def _is_shifted_down(every: SliceValues) -> bool:
    """Whether what looks like padding is air, and soft tissue has the values of air.

    Only checked if no bone is seen: with real padding, the shift would make soft tissue as bright
    as bone, and bone is seen already.
    """
    if not every.padding or _shows_bone(every):
        return False
    if not SHIFTED_AIR_HU[0] <= every.low <= SHIFTED_AIR_HU[1]:
        return False
    shifted = every.whole.shifted(AIR_HU - every.low)
    return shifted.is_hu and not shifted.may_be_shifted_up and _shows_bone(shifted)


def _shows_bone(every: SliceValues) -> bool:
    return every.share(BONE_FROM_HU, np.inf) >= LEAST_BONE


def _levels(every: SliceValues) -> str:
    air, flesh = every.air_hu, every.flesh_hu
    if air is None:
        return f"nothing is as dark as air, most values are near {flesh or 0:.0f}"
    if flesh is None:
        return f"most values are near {air:.0f}, hardly any in the range of soft tissue"
    return f"dark values are near {air:.0f}, the others near {flesh:.0f}"


def _cause(every: SliceValues) -> str:
    if every.shift_hu < 0:
        return ", as if the rescale intercept were missing"
    if every.shift_hu > 0 or _is_shifted_down(every):
        return ", as if the rescale had been applied twice"
    return ""


def _require_dark_edge(voxels: NDArray[Any]) -> None:
    edges = (voxels[:, 0], voxels[:, -1], voxels[:, :, 0], voxels[:, :, -1])
    bright = sum(int((edge > EDGE_IS_BRIGHT_HU).sum()) for edge in edges)
    share = bright / sum(edge.size for edge in edges)
    if share > MOST_OF_EDGE:
        raise InputError(
            f"{share:.0%} of the images' edges is as bright as bone, so the values may be "
            "inverted: give the series as the scanner wrote it",
            code="VALUES_NOT_HU",
        )


def _require_agreement(judged: Sequence[tuple[int, SliceValues]]) -> None:
    good = [(number, one) for number, one in judged if one.is_hu]
    wrong = [number for number, one in judged if not one.is_hu and not _is_near(number, one, good)]
    jumps = [number for (_, before), (number, one) in pairwise(judged) if breaks(one, before)]
    if wrong or jumps:
        first = min(wrong + jumps)
        raise InputError(
            f"the slices do not have one scale of values: at least {len(set(wrong + jumps))} of "
            f"{len(judged)} slices differ from their neighbours, the first is slice {first}: "
            "export the series again",
            code="SLICES_DISAGREE",
        )


def _is_near(number: int, one: SliceValues, good: Sequence[tuple[int, SliceValues]]) -> bool:
    near = sorted(good, key=lambda other: abs(other[0] - number))[:NEAREST]
    return max((one.likeness(other) for _, other in near), default=1.0) >= NEIGHBOURS_SHARE


def breaks(one: SliceValues, before: SliceValues) -> bool:
    """Whether the scale changes between two neighbours."""
    darks = sorted((one.whole.dark, before.whole.dark))
    return bool(
        one.likeness(before) < LEAST_ALIKE
        or (darks[0] < HARDLY_DARK and darks[1] > FULL_OF_AIR)
        or _lost_flesh(one, before)
        or _lost_flesh(before, one)
        or shift_between(one, before)
        or shift_between(before, one)
    )


def _lost_flesh(one: SliceValues, neighbour: SliceValues) -> bool:
    """Whether the soft tissue of the neighbour lies between air and soft tissue in `one`.

    A slice along the skin beside a slice of air does not count.
    """
    if neighbour.share(*FLESH_HU) < MOST_GAINED:
        return False
    gained = one.between - neighbour.between
    return gained > MOST_GAINED and neighbour.has_flesh_peak and not one.has_flesh_peak


def shift_between(one: SliceValues, neighbour: SliceValues) -> int:
    """The shift in HU that makes `one` similar to its neighbour; 0 if none is needed.

    A slice that shows more or less of the body than its neighbour differs too, but it has more
    values of air and soft tissue unshifted than after any shift.
    """
    as_is = one.likeness(neighbour)
    if as_is >= 1 - CLEARLY_ALIKE:
        return 0
    likeness = {shift: one.shifted(shift).likeness(neighbour) for shift in SHIFTS_HU}
    best = max(likeness, key=lambda shift: likeness[shift])
    if likeness[best] < as_is + CLEARLY_ALIKE:
        return 0
    return best if one.explained(best) > one.explained(0) - HARDLY_WORSE else 0
