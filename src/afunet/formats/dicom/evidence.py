"""Decide whether slices with different identifying elements are nevertheless one stack.

Exporters and anonymisers may rewrite, empty or renew identifiers for each file. They do not change
the position of a slice, its reconstruction or its number, so these decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from afunet.formats.dicom.header import Header
from afunet.formats.dicom.spacing import MOST_MISSING_SLICES, POSITION_TOLERANCE_MM

Part = Sequence[Header]
FloatArray = NDArray[np.float64]

# How far a step may be from a whole number of steps, as a share of one step.
STEP_TOLERANCE = 0.1
FEWEST_OF_A_SCAN = 3
# Slices further apart than their thickness times this factor leave out tissue between them.
LEAVES_HOLES_FROM = 1.1


class Verdict(Enum):
    """One scan; perhaps one scan, which must not be guessed; or several scans."""

    ONE = auto()
    DOUBT = auto()
    SEVERAL = auto()


class Numbering(Enum):
    """Instance numbers that run through all parts, that show nothing, or that each part has."""

    THROUGH = auto()
    SILENT = auto()
    OWN = auto()


@dataclass(frozen=True)
class Tiling:
    """How parts lie relative to each other: at the same places, in one even row, interleaved.

    `closed` says that no gap in the row is too large to interpolate.
    """

    collides: bool
    even: bool
    closed: bool
    interleaved: bool


def verdict(parts: Sequence[Part]) -> Verdict:
    """Whether parts with the same image geometry (see `joining`) are one scan.

    Several scans of one body lie at the same places, or each is complete and has its own numbers.
    Parts of one scan fill one even row but leave holes by themselves, or have continuous numbers.
    """
    if of_several_patients(parts) or not are_placed(parts):
        return Verdict.SEVERAL
    return verdict_by_place(parts)


def verdict_by_place(parts: Sequence[Part]) -> Verdict:
    """The verdict on placed parts, without regard to the patient."""
    tiling = tiling_of(parts)
    scraps = all(len(part) < FEWEST_OF_A_SCAN for part in parts)
    if tiling.collides:
        return Verdict.DOUBT if scraps else Verdict.SEVERAL
    same_series = is_one_series(parts)
    are_whole = [is_whole(part) for part in parts]
    whole = all(are_whole)
    numbering = numbering_of(parts)
    if not tiling.even:
        goes_on = not tiling.interleaved and _shared(parts, "series_number")
        if tiling.closed and (numbering is Numbering.THROUGH or goes_on):
            return Verdict.ONE if same_series else Verdict.DOUBT
        return _of_uneven(parts, same_series, any(are_whole), scraps)
    if same_series:
        two_scans = numbering is Numbering.OWN and whole and tiling.interleaved
        return Verdict.SEVERAL if two_scans else Verdict.ONE
    if numbering is Numbering.THROUGH:
        return Verdict.ONE if is_linked(parts) or not whole else Verdict.DOUBT
    if numbering is Numbering.OWN:
        own = whole or (any(are_whole) and not is_linked(parts))
        continues = _shared(parts, "series_number") and not tiling.interleaved
        return Verdict.SEVERAL if own and not continues else Verdict.DOUBT
    if not whole:
        return Verdict.ONE if is_linked(parts) else Verdict.DOUBT
    if _shared(parts, "series_number"):
        return Verdict.DOUBT if tiling.interleaved else Verdict.ONE
    numbers = {header.series_number for part in parts for header in part}
    return Verdict.SEVERAL if "" not in numbers and len(numbers) > 1 else Verdict.DOUBT


def of_several_patients(parts: Sequence[Part]) -> bool:
    """Whether the parts name different patients; a missing name is not another patient.

    One number is one patient, whatever name and birth date parts of a series have.
    """
    patients = {header.patient for part in parts for header in part}
    differs = [len({values[at] for values in patients} - {0}) > 1 for at in range(3)]
    numbered = all(values[0] for values in patients)
    return differs[0] or (any(differs) and not (numbered and is_one_series(parts)))


def is_one_series(parts: Sequence[Part]) -> bool:
    """Whether all slices have the same series UID."""
    return _shared(parts, "series_uid")


def is_linked(parts: Sequence[Part]) -> bool:
    """Whether at least one identifying element is the same in all parts."""
    elements = ("series_uid", "frame_of_reference", "series_number", "study_uid")
    return any(_shared(parts, element) for element in elements)


def tiling_of(parts: Sequence[Part]) -> Tiling:
    """Return how placed parts of one orientation lie relative to each other along their normal."""
    origins_mm, normal, owner = _origins(parts)
    along_mm = origins_mm @ normal
    order = np.argsort(along_mm, kind="stable")
    along_mm, owner = along_mm[order], owner[order]
    steps_mm, meet = np.diff(along_mm), np.diff(owner) != 0
    collides = bool((steps_mm[meet] < _same_position_mm(parts)).any())
    usual_mm = max(float(np.median(steps_mm)), 1e-6)
    counts = np.rint(steps_mm / usual_mm)
    off_mm = np.abs(steps_mm - counts * usual_mm)
    tolerance_mm = max(STEP_TOLERANCE * usual_mm, min(POSITION_TOLERANCE_MM, 0.4 * usual_mm))
    closed = counts <= MOST_MISSING_SLICES + 1
    regular = (off_mm <= tolerance_mm) & (counts >= 1) & closed
    # Images with another size or number of pixels start elsewhere on the same field.
    several = len({one.grid for part in parts for one in part}) > 1
    straight = several or _is_straight(origins_mm[order], along_mm)
    even = bool(regular.all()) and straight
    each_mm = [along_mm[owner == part] for part in range(len(parts))]
    ends = sorted((part_mm.min(), part_mm.max()) for part_mm in each_mm)
    interleaved = any(after[0] < before[1] for before, after in pairwise(ends))
    return Tiling(collides, even, bool(closed.all()), interleaved)


def is_whole(part: Part) -> bool:
    """Whether the slices could be a scan by themselves: evenly spaced, without holes."""
    if len(part) < FEWEST_OF_A_SCAN:
        return False
    origins_mm, normal, _ = _origins([part])
    steps_mm = np.diff(np.sort(origins_mm @ normal))
    step_mm = float(np.median(steps_mm))
    if np.abs(steps_mm - step_mm).max() > max(POSITION_TOLERANCE_MM, STEP_TOLERANCE * step_mm):
        return False
    stated_mm = abs(part[0].slice_spacing_mm or part[0].slice_thickness_mm or 0.0)
    return not stated_mm or step_mm <= LEAVES_HOLES_FROM * stated_mm


def numbering_of(parts: Sequence[Part]) -> Numbering:
    """Return how the instance numbers of placed parts run."""
    origins_mm, normal, owner = _origins(parts)
    order = np.argsort(origins_mm @ normal, kind="stable")
    headers = [header for part in parts for header in part]
    known = [
        (headers[at].instance_number, int(owner[at]))
        for at in order
        if headers[at].instance_number is not None
    ]
    numbers = [number for number, _ in known if number is not None]
    if 2 * len(numbers) < len(headers) or len(set(numbers)) < 2:
        return Numbering.SILENT
    if _is_monotone(numbers):
        return Numbering.THROUGH
    each = [
        [number for number, of in known if of == part and number is not None]
        for part in range(len(parts))
    ]
    several = [own for own in each if len(own) > 1]
    return Numbering.OWN if several and all(map(_is_monotone, several)) else Numbering.SILENT


def _of_uneven(parts: Sequence[Part], same_series: bool, any_whole: bool, scraps: bool) -> Verdict:
    """The verdict on parts that do not fill an even row; the gate judges those of one series."""
    if any_whole:
        return Verdict.SEVERAL
    if same_series:
        return Verdict.ONE
    return Verdict.DOUBT if scraps or is_linked(parts) else Verdict.SEVERAL


def _shared(parts: Sequence[Part], element: str) -> bool:
    values = {getattr(header, element) for part in parts for header in part}
    return len(values) == 1 and "" not in values


def are_placed(parts: Sequence[Part]) -> bool:
    """Whether all slices have a position and an orientation."""
    return all(
        header.position_mm is not None and header.orientation is not None
        for part in parts
        for header in part
    )


def _origins(parts: Sequence[Part]) -> tuple[FloatArray, FloatArray, NDArray[np.int64]]:
    """Positions (N, 3) in LPS mm, the normal (3,), and the part (N,) that each belongs to."""
    positions = np.array([header.position_mm for part in parts for header in part], dtype=float)
    cosines = parts[0][0].orientation
    assert cosines is not None  # the callers check `are_placed`
    return (
        positions,
        np.cross(cosines[:3], cosines[3:]),
        np.repeat(np.arange(len(parts)), [len(part) for part in parts]),
    )


def _same_position_mm(parts: Sequence[Part]) -> float:
    """The distance below which two slices show the same place; smaller for very thin slices."""
    stated_mm = parts[0][0].slice_thickness_mm or 0.0
    return min(POSITION_TOLERANCE_MM, stated_mm / 4) if stated_mm > 0 else POSITION_TOLERANCE_MM


def _is_straight(origins_mm: FloatArray, along_mm: FloatArray) -> bool:
    """Whether the first pixels lie on one line, straight or slanted as with a tilted gantry."""
    if len(along_mm) < 3 or np.ptp(along_mm) == 0:
        return True
    fitted = np.polynomial.polynomial.polyfit(along_mm, origins_mm, 1)
    line = np.polynomial.polynomial.polyval(along_mm, fitted).T
    return bool(np.abs(origins_mm - line).max() <= 2 * POSITION_TOLERANCE_MM)


def _is_monotone(numbers: Sequence[int]) -> bool:
    steps = {after > before for before, after in pairwise(numbers)}
    return len(steps) < 2 and len(set(numbers)) == len(numbers)
