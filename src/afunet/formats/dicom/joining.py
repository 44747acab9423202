"""Join parts of one stack that have different identifying elements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from afunet.findings import Finding, repaired
from afunet.formats.dicom.evidence import (
    Numbering,
    Verdict,
    are_placed,
    is_one_series,
    numbering_of,
    of_several_patients,
    verdict,
    verdict_by_place,
)
from afunet.formats.dicom.header import Header
from afunet.formats.dicom.placement import COSINE_TOLERANCE
from afunet.formats.dicom.series import UNKNOWN, Series, picture_kind, unfitness

SAME_PIXEL_MM = 1e-3
SAME_THICKNESS = 0.01
# More parts than this are compared only all together, not in pairs.
MOST_COMPARED = 40

# The elements that may split a stack. Those of `BESIDE` also differ within sound series, so they
# are named only if another one differs.
ELEMENTS: dict[str, Callable[[Header], Hashable]] = {
    "SeriesInstanceUID": lambda header: header.series_uid,
    "StudyInstanceUID": lambda header: header.study_uid,
    "FrameOfReferenceUID": lambda header: header.frame_of_reference,
    "PatientID": lambda header: header.patient[0],
    "PatientName": lambda header: header.patient[1],
    "PatientBirthDate": lambda header: header.patient[2],
    "Modality": lambda header: header.modality,
    "SOPClassUID": lambda header: header.sop_class,
    "SeriesNumber": lambda header: header.series_number,
    "StackID": lambda header: header.stack,
}
BESIDE: dict[str, Callable[[Header], Hashable]] = {
    "AcquisitionNumber": lambda header: header.phase[0],
    "ImageType": lambda header: header.image_type,
}

# What parts of one scan may still have in common, tried in this order; "" is nothing in common.
KEYS: tuple[Callable[[Header], tuple[Hashable, ...]], ...] = (
    lambda header: (header.series_uid,),
    *(lambda header, at=at: (header.series_uid, header.phase[at]) for at in range(5)),
    lambda header: (header.series_uid, header.frame_of_reference),
    lambda header: (header.series_uid, header.stack),
    lambda header: ("all",),
    lambda header: (header.series_number,),
    lambda header: (header.series_number, header.phase[0]),
    lambda header: (header.frame_of_reference,),
    lambda header: (header.study_uid,),
    lambda header: (header.phase[0],),
    lambda header: (" ".join(header.descriptions),),
)


@dataclass(frozen=True)
class Joined:
    """Series, and sets of series that may or may not be one scan."""

    series: tuple[Series, ...]
    doubts: tuple[tuple[Series, ...], ...] = ()


def joined(series: Sequence[Series]) -> Joined:
    """Join the series that are one stack by all evidence."""
    whole = [one for one in series if one.first.orientation is None]
    doubts: list[tuple[Series, ...]] = []
    placed = [one for one in series if one.first.orientation is not None]
    for parallel in _alike(placed, _is_parallel):
        parts: list[Series] = []
        for alike in _alike(parallel, _is_same_picture):
            for key in KEYS:
                alike = _joined_by(key, alike)
            parts += alike
        whole += parts
        doubts += _doubts(parts)
    doubts += _unplaced_beside(whole)
    first = {id(header): at for at, one in enumerate(series) for header in one.headers}
    whole.sort(key=lambda one: min(first[id(header)] for header in one.headers))
    return Joined(tuple(whole), tuple(doubts))


def joining_findings(series: Series) -> tuple[Finding, ...]:
    """A finding that names the elements that differ within a series but should not."""
    words = differing(series.headers)
    if not words:
        return ()
    message = f"the {len(series.headers)} slices form one stack, but {words}"
    return (repaired("SERIES_JOINED", message, "read as one series"),)


def differing(headers: Sequence[Header]) -> str:
    """Which identifying elements differ among headers, and how, without values; "" for none."""
    found = [_how(name, [get(header) for header in headers]) for name, get in ELEMENTS.items()]
    found = [words for words in found if words]
    if found:
        found += [_how(name, [get(header) for header in headers]) for name, get in BESIDE.items()]
    return ", ".join(filter(None, found))


def _how(name: str, values: Sequence[Hashable]) -> str:
    stated = [value for value in values if value not in ("", 0, ())]
    missing, different = len(values) - len(stated), len(set(stated))
    parts = [
        f"has {different} values" if different > 1 else "",
        f"is missing in {missing} of them" if stated and missing else "",
    ]
    how = " and ".join(filter(None, parts))
    return how and f"{name} {how}"


def _alike(series: Iterable[Series], same: Callable[[Series, Series], bool]) -> list[list[Series]]:
    """Group the series that are the same as the first of a group, which states the most."""
    sorts: list[list[Series]] = []
    for one in sorted(series, key=_silence):
        home = next((alike for alike in sorts if same(alike[0], one)), None)
        sorts.append([one]) if home is None else home.append(one)
    return sorts


def _silence(one: Series) -> int:
    first = one.first
    stated = (first.kernel, first.slice_thickness_mm, first.pixel_spacing_mm, first.series_uid)
    return sum(not value for value in stated)


def _is_parallel(one: Series, other: Series) -> bool:
    a, b = one.first.orientation, other.first.orientation
    return a is not None and b is not None and bool(np.abs(a - b).max() <= COSINE_TOLERANCE)


def _is_same_picture(one: Series, other: Series) -> bool:
    """Whether both have the same reconstruction, as far as stated: no anonymiser changes it."""
    a, b = one.first, other.first
    thin_mm, thick_mm = sorted((a.slice_thickness_mm or 0.0, b.slice_thickness_mm or 0.0))
    pixels = np.subtract(a.pixel_spacing_mm or (0, 0), b.pixel_spacing_mm or (0, 0))
    unsaid = not a.pixel_spacing_mm or not b.pixel_spacing_mm
    return (
        (a.rows, a.columns) == (b.rows, b.columns)
        and (unsaid or bool(np.abs(pixels).max() <= SAME_PIXEL_MM))
        and (not a.kernel or not b.kernel or a.kernel == b.kernel)
        and (not thin_mm or thick_mm - thin_mm <= SAME_THICKNESS * thick_mm)
    )


def _joined_by(
    key: Callable[[Header], tuple[Hashable, ...]], parts: Sequence[Series]
) -> list[Series]:
    cells: dict[Hashable, list[Series]] = defaultdict(list)
    for part in parts:
        shared = key(part.first)
        cells[shared if shared[0] else id(part)].append(part)
    done: list[Series] = []
    for cell in cells.values():
        one = len(cell) > 1 and _may_join(cell)
        done += [_merged(cell)] if one else cell
    return done


def _may_join(parts: Sequence[Series]) -> bool:
    kinds = {picture_kind(part.first) for part in parts} - {UNKNOWN}
    return len(kinds) < 2 and verdict([part.headers for part in parts]) is Verdict.ONE


def _merged(parts: Sequence[Series]) -> Series:
    """The parts as one series; the headers that state the most come first."""
    headers = [header for part in parts for header in part.headers]
    headers.sort(
        key=lambda one: (picture_kind(one) == UNKNOWN, not one.patient[0], not one.series_uid)
    )
    uid = next((header.series_uid for header in headers if header.series_uid), "")
    return replace(parts[0], uid=uid, headers=tuple(headers))


def _doubts(parts: Sequence[Series]) -> list[tuple[Series, ...]]:
    """Sets of series that may be one scan, which must not be guessed."""
    sets = [tuple(parts)] if len(parts) > 1 else []
    if 2 < len(parts) <= MOST_COMPARED:
        sets += combinations(parts, 2)
    return [one for one in sets if _is_doubtful(one)]


def _unplaced_beside(series: Sequence[Series]) -> list[tuple[Series, ...]]:
    """CT slices without a position, each with others that may belong to the same series."""
    slices = [one for one in series if unfitness(one) is None]
    unplaced = [one for one in slices if not are_placed([one.headers])]
    return [
        (lost, other)
        for lost in unplaced
        for other in slices
        if other is not lost
        and (_names_the_same(lost.first, other.first) or _count_on(lost, other, unplaced))
    ]


def _names_the_same(lost: Header, other: Header) -> bool:
    same = lost.series_uid, lost.series_number
    theirs = other.series_uid, other.series_number
    shared = any(mine and mine == its for mine, its in zip(same, theirs, strict=True))
    return shared and (lost.rows, lost.columns) == (other.rows, other.columns)


def _count_on(lost: Series, other: Series, unplaced: Sequence[Series]) -> bool:
    """Whether a series has continuous numbers with an unplaced one, or with all similar ones."""
    if not _is_same_picture(lost, other):
        return False
    alike = [one for one in unplaced if one is not other and _is_same_picture(lost, one)]
    return any(_is_numbered_as_one([*some, other]) for some in ([lost], alike))


def _is_numbered_as_one(parts: Sequence[Series]) -> bool:
    numbers = [header.instance_number for part in parts for header in part.headers]
    known = {number for number in numbers if number is not None}
    return len(known) == len(numbers) == max(known) - min(known) + 1


def _is_doubtful(parts: Sequence[Series]) -> bool:
    if all(picture_kind(part.first) not in (None, UNKNOWN) for part in parts):
        return False
    headers = [part.headers for part in parts]
    if not are_placed(headers):
        return False
    found, numbering = verdict_by_place(headers), numbering_of(headers)
    through = found is Verdict.ONE and numbering is Numbering.THROUGH
    if of_several_patients(headers):
        return through and is_one_series(headers)
    if all(_is_same_picture(parts[0], part) for part in parts):
        return found is not Verdict.SEVERAL
    return numbering is Numbering.THROUGH and found is not Verdict.SEVERAL
