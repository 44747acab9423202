"""Fields of view of simulated legs as clouds of labelled points, for training bone names.

Joints, rough fractures with chips, vertebrae and fields of view are those of `simulate`;
`limb_points` is faster and more varied, but has them only roughly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from afunet.anatomy.bones import Bone as BoneKind
from afunet.phantom.config import Grid
from afunet.phantom.drawing.legs import draw_scans
from afunet.phantom.shapes.arrays import IntArray, Rng
from afunet.phantom.shapes.distance import Box
from afunet.phantom.shapes.lattice import Window
from afunet.phantom.shapes.placing import turn_about
from afunet.phantom.shapes.streams import Stream
from afunet.phantom.skeleton.bones import Bone, Piece
from afunet.phantom.skeleton.build import build_bones, fractured
from afunet.phantom.views.points import (
    CLASSES,
    LEFT,
    OTHER,
    RIGHT,
    STEP_MM,
    DrawnLimbs,
    Points,
    imperfect,
    jittered,
    kept_in,
)

BROKEN = 0.5
"""Share of the views with a fracture, if there is a bone to break."""
BENT = 0.5
"""Share of the views whose bones are also warped and damaged."""
TURNS_DEG = (4.0, 3.0, 5.0)
_AROUND_MM = 40.0


def draw_views(seed: int, count: int, limb_files: Sequence[Path] = ()) -> Iterator[DrawnLimbs]:
    """Up to `count` views of the leg that `draw_leg` draws from the seed, without empty views.

    The bones are built only once, which is slow, then rotated, broken and cut anew for each view.
    """
    scans = draw_scans(seed, count, limb_files, broken=BROKEN)
    fields = [_field(scan.grid) for scan in scans]
    corners = np.concatenate([field.corners_mm() for field in fields])
    anatomy = replace(scans[0].anatomy, surface_step_mm=STEP_MM)
    whole = build_bones(anatomy, Box.around(corners, _AROUND_MM), seed)
    rng = Stream.VIEWS.of(seed)
    for scan, field in zip(scans, fields, strict=True):
        bones = _turned(fractured(whole, scan.fractures), field, rng)
        points = jittered(_points(bones, field), STEP_MM, rng)
        if not len(points.mm):
            continue
        if rng.random() < BENT:
            points = imperfect(points, rng)
        yield DrawnLimbs(kept_in(field, points), field, STEP_MM**3)


def _field(grid: Grid) -> Box:
    """The approximate box of the grid along the patient's axes."""
    matrix, shape = grid.matrix(), np.array(grid.shape[::-1])
    middle = matrix[:3, :3] @ ((shape - 1) / 2) + matrix[:3, 3]
    half = np.linalg.norm(matrix[:3, :3], axis=0) * shape / 2
    return Box.around(np.array([middle - half, middle + half]))


def _turned(bones: list[Bone], field: Box, rng: Rng) -> list[Bone]:
    rotation = Rotation.from_rotvec(np.deg2rad(rng.normal(0, TURNS_DEG)))
    turn = turn_about(field.corners_mm().mean(axis=0), rotation)
    return [replace(bone, pose=turn @ bone.pose) for bone in bones]


def _points(bones: Sequence[Bone], field: Box) -> Points:
    """The points of a lattice in the field that lie in a bone."""
    low = np.array(field.low_mm)
    count = np.floor((np.array(field.high_mm) - low) / STEP_MM).astype(int) + 1
    deepest = np.zeros(count[::-1], dtype=np.float32)
    kinds, sides = np.zeros((2, *deepest.shape), dtype=np.uint8)
    for piece in (piece for bone in bones for piece in bone.pieces()):
        corners = (piece.corners_mm() - low) / STEP_MM
        reached = Window.over(corners, count)
        if reached is None:
            continue
        window = reached.slices
        found = piece.distances_mm((reached.places() * STEP_MM + low).astype(np.float32))
        won = found.piece < deepest[window]
        deepest[window][won] = found.piece[won]
        kinds[window][won] = CLASSES.index(_class(piece))
        sides[window][won] = _sides(piece, found.home_mm)[won]
    inside = np.nonzero(deepest)
    mm = np.stack(inside[::-1], axis=-1) * STEP_MM + low
    return Points(mm.astype(np.float32), kinds[inside], sides[inside], -deepest[inside])


def _class(piece: Piece) -> str:
    return str(piece.bone.kind) if str(piece.bone.kind) in CLASSES else OTHER


def _sides(piece: Piece, home_mm: NDArray[np.floating]) -> IntArray:
    """Sides (...) of points of a piece; a pelvis has both sides, divided at x = 0."""
    if piece.bone.kind is BoneKind.PELVIS:
        return np.where(home_mm[..., 0] > 0, LEFT, RIGHT)
    return np.full(home_mm.shape[:-1], RIGHT if piece.bone.name.endswith("right") else LEFT)
