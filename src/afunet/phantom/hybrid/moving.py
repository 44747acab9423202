"""Rigid motions of fragments, each relative to the larger one that it touches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from afunet.phantom.hybrid.home import Touch
from afunet.phantom.hybrid.plan import Motion
from afunet.phantom.hybrid.surfaces import axes_of
from afunet.phantom.shapes.arrays import Float32Array, FloatArray


@dataclass(frozen=True, eq=False)
class Rigid:
    """The map point -> turn @ point + shift, in mm of the bone's frame."""

    turn: FloatArray
    shift: FloatArray

    def moved(self, points: Float32Array) -> Float32Array:
        """Points (N, 3) after the motion."""
        return np.asarray(points @ self.turn.T.astype(np.float32) + self.shift.astype(np.float32))

    def home(self, points: Float32Array) -> Float32Array:
        """Points (N, 3) before the motion."""
        back = points - self.shift.astype(np.float32)
        return np.asarray(back @ self.turn.astype(np.float32))

    def after(self, first: Rigid) -> Rigid:
        """First the other motion, then this one."""
        return Rigid(self.turn @ first.turn, self.turn @ first.shift + self.shift)


STILL = Rigid(np.eye(3), np.zeros(3))


def motions_of(touches: Sequence[Touch | None], motions: Sequence[Motion]) -> list[Rigid]:
    """Where every fragment goes; one that touches no larger one stays, and so does the first."""
    moved: list[Rigid] = []
    for index, touch in enumerate(touches):
        if touch is None or index > len(motions):
            moved.append(STILL)
        else:
            moved.append(moved[touch.other].after(_at(touch, motions[index - 1])))
    return moved


def _at(touch: Touch, motion: Motion) -> Rigid:
    turn = Rotation.from_rotvec(motion.turn_deg, degrees=True).as_matrix()
    first, second = axes_of(touch.normal)
    shift = motion.apart_mm * touch.normal
    shift = shift + motion.slide_mm[0] * first + motion.slide_mm[1] * second
    return Rigid(turn, touch.middle_mm - turn @ touch.middle_mm + shift)
