"""From single slices to one stack: their order and the affine that places them.

Everything follows from ImagePositionPatient, ImageOrientationPatient and PixelSpacing
(PS3.3 C.7.6.2.1.1 and 10.7.1.3); a stack that these do not place evenly is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afunet.errors import GeometryError
from afunet.formats.dicom.header import Header
from afunet.formats.dicom.series import Series
from afunet.formats.findings import Finding, info, warning

FloatArray = NDArray[np.float64]

# Half a millimetre at the far corner of a 512 mm field at most; headers round far below that.
COSINE_TOLERANCE = 1e-3
# Positions written to one decimal are off by half of this.
POSITION_TOLERANCE_MM = 0.1
SAME_POSITION_MM = 1e-3
# How near to a whole number of spacings a gap must be to count as missing slices.
WHOLE_GAP_TOLERANCE = 0.1


@dataclass(frozen=True, eq=False)
class Stack:
    """Headers in order along the normal and the affine of their volume (LPS, see `Volume`).

    The normal is the cross product of the row and column directions.
    """

    headers: tuple[Header, ...]
    affine: FloatArray
    findings: tuple[Finding, ...]


def arrange(series: Series) -> Stack:
    """Sort a series along its normal and place it.

    Raises `GeometryError`, naming slices by their 1-based index along the normal and their
    position on it, for a missing or doubled slice, uneven spacing, slices that differ in
    size, pixel spacing or orientation, and a stack that leaves its normal (gantry tilt).
    """
    _require_placed(series.headers)
    row, column, normal = _directions(series.headers)
    along_mm = np.array([_position(header) @ normal for header in series.headers])
    order = np.argsort(along_mm, kind="stable")
    headers = tuple(series.headers[index] for index in order)
    along_mm = along_mm[order]
    _require_one_grid(headers, along_mm)
    spacing_mm, findings = _slice_spacing(headers, along_mm)
    _require_straight(headers, normal)
    affine = np.eye(4)
    between_rows_mm, between_columns_mm = headers[0].pixel_spacing_mm or (0.0, 0.0)
    affine[:3, 0] = row * between_columns_mm
    affine[:3, 1] = column * between_rows_mm
    affine[:3, 2] = normal * spacing_mm
    affine[:3, 3] = _position(headers[0])
    return Stack(headers, affine, findings + _order_findings(headers))


def _require_placed(headers: tuple[Header, ...]) -> None:
    wanted: tuple[tuple[str, Callable[[Header], object]], ...] = (
        ("position (ImagePositionPatient)", lambda header: header.position_mm),
        ("orientation (ImageOrientationPatient)", lambda header: header.orientation),
        ("pixel spacing (PixelSpacing)", lambda header: header.pixel_spacing_mm),
    )
    for what, value in wanted:
        without = sum(value(header) is None for header in headers)
        if without:
            raise GeometryError(
                f"{without} of {len(headers)} slices have no {what}: "
                "without it they cannot be placed"
            )


def _directions(headers: tuple[Header, ...]) -> tuple[FloatArray, FloatArray, FloatArray]:
    cosines = np.array([header.orientation for header in headers])
    common = np.median(cosines, axis=0)
    odd = np.abs(cosines - common).max(axis=1) > COSINE_TOLERANCE
    if odd.any():
        raise GeometryError(
            f"the series mixes orientations: {odd.sum()} of {len(headers)} slices point "
            f"elsewhere, first the one with {_instance(headers[int(odd.argmax())])}"
        )
    row, column = common[:3], common[3:]
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if np.abs(np.array([lengths[0] - 1, lengths[1] - 1, row @ column])).max() > COSINE_TOLERANCE:
        raise GeometryError(
            "the orientation's row and column directions are not perpendicular unit vectors: "
            f"{common.round(4).tolist()}"
        )
    row = row / lengths[0]
    normal = np.cross(row, column)
    normal /= np.linalg.norm(normal)
    return row, np.cross(normal, row), normal


def _require_one_grid(headers: tuple[Header, ...], along_mm: FloatArray) -> None:
    _require_same(headers, along_mm, "image sizes", lambda h: f"{h.columns} × {h.rows}")
    _require_same(
        headers,
        along_mm,
        "pixel spacings",
        lambda h: " × ".join(f"{value:.4g} mm" for value in h.pixel_spacing_mm or ()),
    )


def _require_same(
    headers: tuple[Header, ...],
    along_mm: FloatArray,
    what: str,
    value: Callable[[Header], Hashable],
) -> None:
    values = [value(header) for header in headers]
    (usual, count), *others = Counter(values).most_common()
    if others:
        odd = next(index for index, item in enumerate(values) if item != usual)
        raise GeometryError(
            f"the series mixes {what}: {count} of {len(values)} slices have {usual}, "
            f"{_slice(odd, along_mm)} has {values[odd]}"
        )


def _slice_spacing(
    headers: tuple[Header, ...], along_mm: FloatArray
) -> tuple[float, tuple[Finding, ...]]:
    if len(headers) == 1:
        return _spacing_of_one(headers[0])
    steps_mm = np.diff(along_mm)
    usual_mm = float(np.median(steps_mm))
    _require_distinct(headers, along_mm, steps_mm)
    _require_no_gap(along_mm, steps_mm, usual_mm)
    mean_mm = float(steps_mm.mean())
    even_mm = along_mm[0] + mean_mm * np.arange(len(along_mm))
    off_mm = np.abs(along_mm - even_mm)
    if off_mm.max() > min(POSITION_TOLERANCE_MM, mean_mm / 4):
        at = int(np.abs(steps_mm - usual_mm).argmax())
        raise GeometryError(
            f"the slices are not evenly spaced: {steps_mm[at]:.3f} mm between "
            f"{_slice(at, along_mm)} and {_slice(at + 1, along_mm)}, usually {usual_mm:.3f} mm: "
            "give a series of one spacing"
        )
    return mean_mm, ()


def _spacing_of_one(header: Header) -> tuple[float, tuple[Finding, ...]]:
    spacing_mm = header.slice_spacing_mm or header.slice_thickness_mm
    if not spacing_mm or spacing_mm <= 0:
        raise GeometryError(
            "the series is a single slice without a thickness: a volume needs at least 2 slices"
        )
    message = f"the series is a single slice, taken as {spacing_mm:g} mm thick"
    return spacing_mm, (warning("ONE_SLICE", message),)


def _require_distinct(
    headers: tuple[Header, ...], along_mm: FloatArray, steps_mm: FloatArray
) -> None:
    doubled = steps_mm < SAME_POSITION_MM
    if doubled.any():
        at = int(doubled.argmax())
        raise GeometryError(
            f"{doubled.sum()} of {len(along_mm)} slices double another one's position, first "
            f"{_slice(at, along_mm)} ({_instance(headers[at])} and "
            f"{_instance(headers[at + 1])}): remove the copies or split the phases"
        )


def _require_no_gap(along_mm: FloatArray, steps_mm: FloatArray, usual_mm: float) -> None:
    ratios = steps_mm / usual_mm
    whole = np.rint(ratios)
    gaps = (whole >= 2) & (np.abs(ratios - whole) < WHOLE_GAP_TOLERANCE)
    if gaps.any():
        at = int(gaps.argmax())
        more = f" (and {gaps.sum() - 1} more gaps)" if gaps.sum() > 1 else ""
        raise GeometryError(
            f"slices are missing: {int(whole[at]) - 1} between {_slice(at, along_mm)} and "
            f"{_slice(at + 1, along_mm)}, expected one every {usual_mm:.3f} mm{more}; "
            "copy the whole series"
        )


def _require_straight(headers: tuple[Header, ...], normal: FloatArray) -> None:
    origins = np.array([_position(header) for header in headers])
    offsets = origins - origins[0]
    along = offsets @ normal
    sideways = np.linalg.norm(offsets - np.outer(along, normal), axis=1)
    worst = int(sideways.argmax())
    if sideways[worst] > POSITION_TOLERANCE_MM:
        angle = np.degrees(np.arctan2(sideways[worst], along[worst]))
        raise GeometryError(
            f"the slices are not stacked straight: the origin drifts {sideways[worst]:.2f} mm "
            f"sideways by slice {worst + 1} of {len(headers)} (a gantry tilt of {angle:.1f}° or "
            "a moved field of view): have the scanner's software resample it straight"
        )


def _order_findings(headers: tuple[Header, ...]) -> tuple[Finding, ...]:
    numbers = [header.instance_number for header in headers]
    known = [number for number in numbers if number is not None]
    if len(known) != len(numbers) or len(known) < 2 or known == sorted(known):
        return ()
    if known == sorted(known, reverse=True):
        message = "the slices are numbered against their positions; they were sorted by position"
        return (info("REVERSED_ORDER", message),)
    message = "the slices are numbered in another order than they lie; they were sorted by position"
    return (warning("MIXED_ORDER", message),)


def _position(header: Header) -> FloatArray:
    assert header.position_mm is not None  # `_require_placed` saw to it
    return header.position_mm


def _slice(index: int, along_mm: FloatArray) -> str:
    return f"slice {index + 1} ({along_mm[index]:.2f} mm)"


def _instance(header: Header) -> str:
    number = header.instance_number
    return "no instance number" if number is None else f"instance number {number}"
