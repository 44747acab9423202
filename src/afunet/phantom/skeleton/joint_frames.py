"""Where the joints are: middle, directions and size, found from the bones in view."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from afunet.anatomy.bones import Bone as BoneKind
from afunet.phantom.config import JointSpace
from afunet.phantom.shapes.arrays import Float32Array, FloatArray, Points
from afunet.phantom.skeleton.bones import Bone

JOINTS = {JointSpace.HIP: "hip", JointSpace.ANKLE: "ankle"}
"""Joints of the spaces that are not in the knee."""
_CONDYLES_MM, _HEAD_MM, _PLAFOND_MM = 25.0, 48.0, 12.0
"""Heights of the end of a bone that shows where the knee, the hip and the ankle are."""
_SEEN_MM = 130.0
"""A knee is out of view if nothing of the femur lower than this is seen."""
_JOINT_LINE_MM, _BEHIND_MM = 2.0, 2.0
"""How far the middle of the joint line lies below the condyles and before their middle."""
_FEWEST = 30


@dataclass(frozen=True, eq=False)
class JointFrame:
    """A joint of one side: its LPS `middle_mm` (3,), and its `size` relative to an adult's.

    The rows of `axes` (3, 3) point to the outer side, to the back and to the head.
    """

    joint: str
    side: str
    middle_mm: FloatArray
    axes: FloatArray
    size: float

    def own(self, points_mm: Points) -> Float32Array:
        """Points (N, 3) as millimetres of an adult's left joint from its middle."""
        turn = (self.axes / self.size).astype(np.float32)
        return np.asarray((points_mm - self.middle_mm.astype(np.float32)) @ turn.T, np.float32)


def joint_frames(bones: Sequence[Bone], size: float) -> Iterator[JointFrame]:
    """The knees, hips and ankles whose bones are in view."""
    pelvis = any(bone.kind is BoneKind.PELVIS for bone in bones)
    for bone in bones:
        if bone.kind is BoneKind.FEMUR:
            yield from _frame("knee", bone, size, _knee(bone, size))
            if pelvis:
                yield from _frame("hip", bone, size, _hip(bone, size))
        elif bone.kind is BoneKind.TIBIA:
            yield from _frame("ankle", bone, size, _ankle(bone, size))


def _frame(joint: str, bone: Bone, size: float, own: FloatArray | None) -> Iterator[JointFrame]:
    if own is None:
        return
    turn = bone.pose[:3, :3]
    axes = np.array([_outward(bone), 1.0, 1.0])[:, None] * turn.T
    side = bone.name.rsplit(" ", 1)[-1]
    yield JointFrame(joint, side, turn @ own + bone.pose[:3, 3], axes, size)


def _outward(bone: Bone) -> float:
    return -1.0 if bone.name.endswith("right") else 1.0


def _knee(femur: Bone, size: float) -> FloatArray | None:
    points, low = femur.surface.surface_points_mm(), femur.ends_mm[0]
    points = points[points[:, 2] < low + _SEEN_MM * size]
    condyles = points[points[:, 2] < low + _CONDYLES_MM * size]
    seen = condyles if len(condyles) >= _FEWEST else points
    if len(seen) < _FEWEST:
        return None
    x, y = _middle(seen)
    return np.array([x, y - _BEHIND_MM * size, low - _JOINT_LINE_MM * size])


def _hip(femur: Bone, size: float) -> FloatArray | None:
    points, top = femur.surface.surface_points_mm(), femur.ends_mm[1]
    points = points[points[:, 2] > top - _HEAD_MM * size]
    if len(points) < _FEWEST:
        return None
    inward = -_outward(femur) * points[:, 0]
    head = points[inward > inward.max() - _HEAD_MM * size]
    return np.asarray((head.min(axis=0) + head.max(axis=0)) / 2, dtype=np.float64)


def _ankle(tibia: Bone, size: float) -> FloatArray | None:
    points, low = tibia.surface.surface_points_mm(), tibia.ends_mm[0]
    points = points[points[:, 2] < low + _PLAFOND_MM * size]
    return None if len(points) < _FEWEST else np.array([*_middle(points), low])


def _middle(points: FloatArray) -> tuple[float, float]:
    x, y = ((points.min(axis=0) + points.max(axis=0)) / 2)[:2]
    return float(x), float(y)
