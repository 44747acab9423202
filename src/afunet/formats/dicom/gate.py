"""The gate between slices and voxels: one straight even grid, or a refusal.

A stack whose slices form such a grid passes unchanged. Other stacks are resampled to one if that is
safe, with a finding. The true positions of the slices are kept, so that masks can be returned on
them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from afunet.errors import GeometryError
from afunet.findings import Finding, info, repaired, warning
from afunet.formats.dicom.copies import without_copies
from afunet.formats.dicom.header import Header
from afunet.formats.dicom.placement import FloatArray, Placement, place
from afunet.formats.dicom.series import Series
from afunet.formats.dicom.spacing import POSITION_TOLERANCE_MM, levels_of
from afunet.formats.lengths import spacing_findings
from afunet.geometry import ImagePlane

STEEPEST_TILT_DEG = 45.0
# A grid that holds all slices may have at most this many times the pixels of one slice.
LARGEST_GROWTH = 4.0
SAME_SIZE_MM = 1e-4
LARGEST_SIDE = 8192


@dataclass(frozen=True, eq=False)
class Stack:
    """Slices in order, their positions, and the even grid of their volume.

    `affine` (4, 4) and `shape` (slices, rows, columns) are those of the `Volume`; `are_voxels`
    says whether its slices are the images, pixel by pixel. `levels_mm` are the positions of the
    grid's slices along the normal, `along_mm` those of the images.
    """

    headers: tuple[Header, ...]
    planes: tuple[ImagePlane, ...]
    affine: FloatArray
    shape: tuple[int, int, int]
    levels_mm: FloatArray
    along_mm: FloatArray
    are_voxels: bool
    findings: tuple[Finding, ...]

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Voxel size along (column, row, slice)."""
        column, row, normal = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(column), float(row), float(normal)


def arrange(series: Series) -> Stack:
    """Sort a series along its normal and give it a grid.

    Raises `GeometryError` with a code for a series that cannot be placed or must not be corrected:
    see `placement`, `copies` and `spacing`.
    """
    _require_believable(series.headers)
    placement, copies = without_copies(place(series.headers))
    levels = levels_of(placement)
    in_plane = _matrix_findings(placement) + _drift_findings(placement)
    shared = not in_plane  # one pixel grid
    column_mm, row_mm = _usual_pixel(placement)
    first_mm, rows, columns = _window(placement, (column_mm, row_mm), shared)
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = placement.row * column_mm, placement.column * row_mm
    affine[:3, 2] = placement.normal * levels.step_mm
    affine[:3, 3] = placement.lps_mm([*first_mm, levels.along_mm[0]])
    coarse = spacing_findings((column_mm, row_mm, levels.step_mm))
    return Stack(
        headers=placement.headers,
        planes=placement.planes,
        affine=affine,
        shape=(len(levels.along_mm), rows, columns),
        levels_mm=levels.along_mm,
        along_mm=placement.along_mm,
        are_voxels=shared and levels.are_slices,
        findings=copies + levels.findings + in_plane + coarse + _order_findings(placement.headers),
    )


def _require_believable(headers: Sequence[Header]) -> None:
    """Raise `GeometryError` for an image larger than any CT, whose header must be broken."""
    largest = max(headers, key=lambda header: max(header.rows, header.columns))
    if max(largest.rows, largest.columns) > LARGEST_SIDE:
        raise GeometryError(
            f"an image has {largest.columns} × {largest.rows} pixels, more than any CT; expected "
            f"at most {LARGEST_SIDE} × {LARGEST_SIDE}: copy the series again",
            code="IMAGE_TOO_LARGE",
        )


def _usual_pixel(placement: Placement) -> tuple[float, float]:
    sizes = Counter(map(tuple, placement.pixels_mm.tolist()))
    column_mm, row_mm = sizes.most_common(1)[0][0]
    return column_mm, row_mm


def _matrix_findings(placement: Placement) -> tuple[Finding, ...]:
    found = []
    action = "resampled to the usual pixel grid; masks are returned on each slice's own"
    total = len(placement.headers)
    sizes = [(header.columns, header.rows) for header in placement.headers]
    (usual, count), *others = Counter(sizes).most_common()
    if others:
        at = next(index for index, size in enumerate(sizes) if size != usual)
        found.append(
            repaired(
                "MIXED_MATRIX",
                f"the series mixes image sizes: {count} of {total} slices have "
                f"{usual[0]} × {usual[1]}, {placement.named(at)} has "
                f"{sizes[at][0]} × {sizes[at][1]}",
                action,
            )
        )
    off_mm = np.abs(placement.pixels_mm - _usual_pixel(placement)).max(axis=1)
    if off_mm.max() > SAME_SIZE_MM:
        at = int(np.argmax(off_mm > SAME_SIZE_MM))
        column_mm, row_mm = placement.pixels_mm[at]
        found.append(
            repaired(
                "MIXED_PIXEL_SPACING",
                f"the series mixes pixel spacings: {(off_mm > SAME_SIZE_MM).sum()} of {total} "
                f"slices differ, {placement.named(at)} has {row_mm:.4g} mm × {column_mm:.4g} mm",
                action,
            )
        )
    return tuple(found)


def _drift_findings(placement: Placement) -> tuple[Finding, ...]:
    corners_mm = placement.in_plane_mm
    drift_mm = corners_mm - corners_mm[0]
    if np.linalg.norm(drift_mm, axis=1).max() <= POSITION_TOLERANCE_MM:
        return ()
    climbed_mm = placement.along_mm - placement.along_mm[0]
    slope = climbed_mm @ drift_mm / (climbed_mm @ climbed_mm)
    angle = float(np.degrees(np.arctan(np.linalg.norm(slope))))
    straight = np.abs(drift_mm - np.outer(climbed_mm, slope)).max() <= POSITION_TOLERANCE_MM
    if not straight:
        worst = int(np.linalg.norm(drift_mm, axis=1).argmax())
        message = (
            f"the field of view moves within the series: {placement.named(worst)} lies "
            f"{np.linalg.norm(drift_mm[worst]):.2f} mm to the side of the first"
        )
        action = "resampled to one grid that holds all; masks are returned on each slice's own"
        return (repaired("MOVED_FIELD", message, action),)
    message = f"the slices are not stacked straight: the gantry was tilted by {angle:.1f}°"
    if angle > STEEPEST_TILT_DEG:
        raise GeometryError(
            f"{message}, but at most {STEEPEST_TILT_DEG:g}° can be corrected: resample the series "
            "with the scanner's software",
            code="GANTRY_TILT",
        )
    action = "resampled to a straight grid; masks are returned on the original slices"
    return (repaired("GANTRY_TILT", message, action),)


def _window(
    placement: Placement, pixel_mm: tuple[float, float], shared: bool
) -> tuple[FloatArray, int, int]:
    """The position of the first pixel along row and column, and the rows and columns needed."""
    first = placement.headers[0]
    corner_mm = placement.in_plane_mm
    if shared:
        return corner_mm.mean(axis=0), first.rows, first.columns
    sizes = np.array([(header.columns, header.rows) for header in placement.headers])
    last_mm = corner_mm + (sizes - 1) * placement.pixels_mm
    grids = [header.grid for header in placement.headers]
    usual = grids.index(Counter(grids).most_common(1)[0][0])
    # The grid passes through the pixels of a usual slice, so that most need little resampling.
    before = np.floor((corner_mm.min(axis=0) - corner_mm[usual]) / pixel_mm + 1e-6)
    after = np.ceil((last_mm.max(axis=0) - corner_mm[usual]) / pixel_mm - 1e-6)
    columns, rows = (int(count) for count in after - before + 1)
    if columns * rows > LARGEST_GROWTH * sizes[usual].prod():
        raise GeometryError(
            f"the slices are shifted too far sideways: they would need a grid of {columns} × "
            f"{rows} pixels; split the series",
            code="MOVED_FIELD",
        )
    return corner_mm[usual] + before * pixel_mm, rows, columns


def _order_findings(headers: tuple[Header, ...]) -> tuple[Finding, ...]:
    numbers = [header.instance_number for header in headers]
    known = [number for number in numbers if number is not None]
    if len(known) < len(numbers):
        missing = len(numbers) - len(known)
        message = f"{missing} of {len(numbers)} slices have no instance number"
        return (info("NO_INSTANCE_NUMBER", message, "sorted by position"),)
    if len(known) < 2 or known == sorted(set(known)):
        return ()
    if known == sorted(set(known), reverse=True):
        message = "the instance numbers run against the positions"
        return (info("REVERSED_ORDER", message, "sorted by position"),)
    message = "the instance numbers do not follow the positions, or occur twice"
    return (warning("MIXED_ORDER", message),)
