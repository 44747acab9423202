"""How far each fragment of a bone is from where it fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from afunet.geometry import Mesh, Volume, box_round, label_boxes
from afunet.geometry.rigid import Rigid
from afunet.reconstruction.assembly import STANDARD_ERRORS, FittedTo, Placed, assembled
from afunet.reconstruction.contacts import contacts_of
from afunet.reconstruction.fracture_line import FractureLine, line_between
from afunet.reconstruction.measures import Measures, Three
from afunet.reconstruction.meeting import Bed
from afunet.reconstruction.surface_points import SurfacePoints, points_on

FloatArray = NDArray[np.float64]

POINT_MM2 = 0.7
SMALLEST_MM3, MOST_FRAGMENTS = 50.0, 40
"""Smaller fragments, and more than these of one bone, are not fitted."""
CLOSE_MM = 2.0
LONG = 1.5
"""A bone has an axis if its main fragment is so much longer than wide."""


@dataclass(frozen=True)
class Displacement:
    """Where a fragment lies against where it fits the main fragment; None is not known.

    `displaced_mm` is the distance of its centre and `displacement_mm` the vector in LPS; along the
    axis of the main fragment (positive to the head, left or back) and across it only if that is
    long. The fragment was turned by `rotated_deg` about `rotation_axis`, a unit vector. Errors are
    two standard errors. `step_off_mm` is the median step of the outer surface along the fracture
    line and `fracture_gap_mm` that of the gap, beside the largest of each (95th percentile).

    `touching_mm2` is the area of the voxel faces shared with other fragments of the bone,
    `within_2mm_mm2` the area of the surface that faces one within 2 mm. `fits_on` is the title of
    the fragment on which it lies at most, "" if there is none. `fitted_to` tells which surface it
    was fitted to, None if displacement and rotation are not known.
    """

    fits_on: str = ""
    fitted_to: FittedTo | None = None
    displaced_mm: float | None = None
    displacement_mm: Three | None = None
    displaced_along_mm: float | None = None
    displaced_across_mm: float | None = None
    displaced_error_mm: float | None = None
    rotated_deg: float | None = None
    rotation_axis: Three | None = None
    rotated_error_deg: float | None = None
    step_off_mm: float | None = None
    largest_step_off_mm: float | None = None
    fracture_gap_mm: float | None = None
    largest_fracture_gap_mm: float | None = None
    touching_mm2: float | None = None
    within_2mm_mm2: float | None = None


IN_PLACE = Displacement()
"""Of a bone in one piece, and of the main fragment, to which the others are compared."""


@dataclass(frozen=True, eq=False)
class BonePiece:
    """A piece of one bone with its title, measures and surface."""

    title: str
    measures: Measures
    surface: Mesh


def displacements(
    pieces: Sequence[BonePiece], labels: Volume, other_side: Mesh | None = None
) -> dict[int, Displacement]:
    """Measure the fragments of one bone against the first piece; the result is by label.

    `other_side` is the surface of the same bone of the other side, or of its largest piece.
    Pieces below `SMALLEST_MM3`, and all after the first `MOST_FRAGMENTS`, are left out.
    """
    kept = [
        piece
        for piece in pieces
        if piece.measures.volume_mm3 >= SMALLEST_MM3 and not piece.surface.is_empty
    ][:MOST_FRAGMENTS]
    if len(kept) < 2:
        return {}
    points = [points_of(piece.surface) for piece in kept]
    placed = assembled(points, None if other_side is None else points_of(other_side))
    numbers = [piece.measures.label for piece in kept]
    touching = _touching_mm2(labels, numbers)
    result = {}
    for one in range(1, len(kept)):
        measured = Displacement(
            touching_mm2=touching[numbers[one]], within_2mm_mm2=_close_mm2(points, one)
        )
        if one in placed:
            measured = _placed(measured, placed, points, one, kept)
        result[numbers[one]] = measured
    return result


def _placed(
    measured: Displacement,
    placed: Mapping[int, Placed],
    points: Sequence[SurfacePoints],
    one: int,
    pieces: Sequence[BonePiece],
) -> Displacement:
    """Add what the fit of a fragment tells, as far as it is known."""
    found = placed[one]
    away, centre_mm = found.move.inverse(), points[one].points_mm.mean(axis=0)
    if found.shift_known or found.turn_known:
        measured = replace(measured, fitted_to=found.fitted_to)
    if found.shift_known:
        vector_mm = centre_mm - found.move(centre_mm)
        axis = _axis(pieces[0].measures)
        along_mm = None if axis is None else float(vector_mm @ axis)
        measured = replace(
            measured,
            displacement_mm=_three(vector_mm),
            displaced_mm=float(np.linalg.norm(vector_mm)),
            displaced_along_mm=along_mm,
            displaced_across_mm=None
            if axis is None
            else float(np.linalg.norm(vector_mm - (vector_mm @ axis) * axis)),
            displaced_error_mm=STANDARD_ERRORS * found.certainty.shift_mm,
        )
    if found.turn_known:
        turned = away.rotation_vector_deg
        measured = replace(
            measured,
            rotated_deg=away.angle_deg,
            rotation_axis=_three(turned / max(away.angle_deg, 1e-9)),
            rotated_error_deg=STANDARD_ERRORS * found.certainty.turn_deg,
        )
    if not (found.shift_known and found.turn_known and found.beside):
        return measured
    moves = {other: placed[other].move if other else Rigid.still() for other in found.beside}
    lines = {
        other: line_between(points[one], found.move, points[other], move)
        for other, move in moves.items()
    }
    fits_on = max(lines, key=lambda other: lines[other].faces_mm2)
    return replace(
        measured, fits_on=pieces[fits_on].title, **asdict(FractureLine.of(list(lines.values())))
    )


def points_of(surface: Mesh) -> SurfacePoints:
    """Return points on a surface, one for each `POINT_MM2` of its area."""
    return points_on(surface, max(1, round(surface.area_mm2 / POINT_MM2)))


def _axis(main: Measures) -> FloatArray | None:
    """The long axis of the main fragment, None if it has none."""
    long_mm, wide_mm, _ = main.extent_mm
    return np.array(main.axes[0]) if long_mm >= LONG * wide_mm else None


def _touching_mm2(labels: Volume, numbers: Sequence[int]) -> dict[int, float]:
    """Area of the voxel faces between each of these labels and the others."""
    boxes = label_boxes(labels.voxels)
    around = reduce(box_round, (boxes[number] for number in numbers))
    renumbered = np.zeros(int(labels.voxels.max()) + 1, dtype=np.uint8)
    renumbered[list(numbers)] = np.arange(1, len(numbers) + 1)
    bone = renumbered[labels.voxels[around]]
    met = contacts_of(bone, np.zeros(bone.shape, np.float32), labels.array_spacing_mm, 0.0)
    areas = dict.fromkeys(numbers, 0.0)
    for pair, contact in met.items():
        for number in pair:
            areas[numbers[number - 1]] += contact.touching_mm2
    return areas


def _close_mm2(points: Sequence[SurfacePoints], one: int) -> float:
    """Area of a fragment's surface that faces another fragment within `CLOSE_MM`."""
    low_mm, high_mm = points[one].points_mm.min(axis=0), points[one].points_mm.max(axis=0)
    near = [other.near(low_mm, high_mm, CLOSE_MM) for k, other in enumerate(points) if k != one]
    bed = SurfacePoints.joined(near)
    return float(Bed(bed).faces(points[one], CLOSE_MM).area_mm2.sum()) if len(bed) else 0.0


def _three(values: FloatArray) -> Three:
    first, second, third = (float(value) for value in values)
    return first, second, third
