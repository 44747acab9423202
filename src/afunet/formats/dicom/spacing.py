"""The distance between slices: even, made even by interpolation, or refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from afunet.errors import GeometryError
from afunet.findings import Finding, info, repaired, warning
from afunet.formats.dicom.header import Header
from afunet.formats.dicom.placement import FloatArray, Placement
from afunet.formats.lengths import is_believable

# Positions rounded to one decimal are off by half of this.
POSITION_TOLERANCE_MM = 0.1
# Rounded positions of very thin slices: off by less than half a step, so their order is known.
MOST_OF_A_STEP = 0.4
# How near to a whole number of spacings a gap must be to count as missing slices.
WHOLE_GAP_TOLERANCE = 0.1
# Gaps that may be interpolated: smaller than the smallest fragments that matter.
MOST_MISSING_SLICES = 3
WIDEST_BRIDGE_MM = 10.0
# Uneven slices are interpolated to at most this many times their number.
MOST_SLICES_FOR_ONE = 4
OVERLAP_SHOWS_FROM = 1.05


@dataclass(frozen=True, eq=False)
class Levels:
    """Even positions (M,) along the normal in mm, and the findings.

    `are_slices` says that there is one slice at every level and none elsewhere.
    """

    along_mm: FloatArray
    step_mm: float
    are_slices: bool
    findings: tuple[Finding, ...] = ()


def levels_of(placement: Placement) -> Levels:
    """Return even levels for slices at different positions.

    Raises `GeometryError` for a gap that must not be interpolated and for a single slice of unknown
    thickness.
    """
    along_mm = placement.along_mm
    if len(along_mm) == 1:
        return _single(placement.headers[0], along_mm)
    steps_mm = np.diff(along_mm)
    for first_mm, step_mm in _lines(along_mm):
        even_mm = np.asarray(first_mm + step_mm * np.arange(len(along_mm)), np.float64)
        if np.abs(along_mm - even_mm).max() <= min(POSITION_TOLERANCE_MM, MOST_OF_A_STEP * step_mm):
            return Levels(even_mm, step_mm, True, _overlap(placement.headers, step_mm))
    usual_mm = float(np.median(steps_mm))
    whole = np.rint(steps_mm / usual_mm)
    of_whole = np.abs(steps_mm / usual_mm - whole) < WHOLE_GAP_TOLERANCE
    gaps = (whole >= 2) & of_whole
    _require_bridgeable(placement, steps_mm, usual_mm, gaps)
    if gaps.any() and (of_whole & (whole >= 1)).all():
        return _filled(placement, steps_mm, usual_mm, gaps)
    return _interpolated(placement, steps_mm, usual_mm)


def _lines(along_mm: FloatArray) -> Iterator[tuple[float, float]]:
    """First position and step of even rows: through both ends, then the best fit through all."""
    yield float(along_mm[0]), float(np.diff(along_mm).mean())
    first_mm, step_mm = np.polynomial.polynomial.polyfit(np.arange(len(along_mm)), along_mm, 1)
    yield float(first_mm), float(step_mm)


def _single(header: Header, along_mm: FloatArray) -> Levels:
    stated_mm = (header.slice_spacing_mm, header.slice_thickness_mm)
    thickness_mm = next((mm for mm in stated_mm if mm is not None and is_believable(mm)), None)
    if thickness_mm is None:
        raise GeometryError(
            "the series is a single slice without a thickness: a volume needs at least 2 slices",
            code="ONE_SLICE",
        )
    message = f"the series is a single slice, taken as {thickness_mm:g} mm thick"
    return Levels(along_mm, thickness_mm, True, (warning("ONE_SLICE", message),))


def _require_bridgeable(
    placement: Placement, steps_mm: FloatArray, usual_mm: float, gaps: np.ndarray
) -> None:
    widest = int(steps_mm.argmax())
    missing = int(np.rint(steps_mm[widest] / usual_mm)) - 1
    if steps_mm[widest] <= WIDEST_BRIDGE_MM and missing <= MOST_MISSING_SLICES:
        return
    if steps_mm[widest] < 1.5 * usual_mm:
        return  # thick slices, not a gap
    more = f" (and {gaps.sum() - 1} more gaps)" if gaps.sum() > 1 else ""
    raise GeometryError(
        f"slices are missing: {missing} between {placement.named(widest)} and "
        f"{placement.named(widest + 1)}, expected one every {usual_mm:.3f} mm{more}; "
        f"at most {MOST_MISSING_SLICES} slices and {WIDEST_BRIDGE_MM:g} mm can be interpolated: "
        "copy the whole series",
        code="GAP_TOO_LARGE",
    )


def _filled(
    placement: Placement, steps_mm: FloatArray, usual_mm: float, gaps: np.ndarray
) -> Levels:
    """Levels that include the missing slices."""
    along_mm = placement.along_mm
    counts = np.rint(steps_mm / usual_mm)
    step_mm = float((along_mm[-1] - along_mm[0]) / counts.sum())
    levels_mm = along_mm[0] + step_mm * np.arange(int(counts.sum()) + 1)
    missing, at = int(counts.sum()) - len(steps_mm), int(gaps.argmax())
    places = "one place" if gaps.sum() == 1 else f"{gaps.sum()} places"
    message = (
        f"{missing} slice{'s are' if missing > 1 else ' is'} missing in {places}, first between "
        f"{placement.named(at)} and {placement.named(at + 1)}"
    )
    action = "interpolated from the neighbours; the true image there is unknown"
    return Levels(levels_mm, step_mm, False, (repaired("GAP", message, action),))


def _interpolated(placement: Placement, steps_mm: FloatArray, usual_mm: float) -> Levels:
    """Levels as close together as the closest slices, within `MOST_SLICES_FOR_ONE`."""
    along_mm = placement.along_mm
    length_mm = float(along_mm[-1] - along_mm[0])
    closest_mm = max(float(steps_mm.min()), length_mm / (MOST_SLICES_FOR_ONE * len(along_mm)))
    count = max(int(np.rint(length_mm / closest_mm)), 1)
    at = int(np.abs(steps_mm - usual_mm).argmax())
    message = (
        f"the slices are not evenly spaced: {steps_mm[at]:.3f} mm between {placement.named(at)} "
        f"and {placement.named(at + 1)}, usually {usual_mm:.3f} mm"
    )
    action = f"interpolated to one every {length_mm / count:.3f} mm"
    return Levels(
        along_mm[0] + length_mm / count * np.arange(count + 1),
        length_mm / count,
        False,
        (repaired("UNEVEN_SPACING", message, action),),
    )


def _overlap(headers: tuple[Header, ...], step_mm: float) -> tuple[Finding, ...]:
    thickness_mm = headers[0].slice_thickness_mm
    if not thickness_mm or thickness_mm <= OVERLAP_SHOWS_FROM * step_mm:
        return ()
    message = f"slices of {thickness_mm:g} mm lie {step_mm:.3g} mm apart and overlap"
    return (info("OVERLAPPING_SLICES", message),)
