"""Capsules: rods with round ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from afunet.phantom.shapes.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class Capsule:
    """All points within `radius_mm` of the segment from `start_mm` (3,) to `end_mm` (3,)."""

    start_mm: FloatArray
    end_mm: FloatArray
    radius_mm: float

    def bounds_mm(self) -> tuple[FloatArray, FloatArray]:
        """The corners of the bounding box."""
        ends = np.array([self.start_mm, self.end_mm])
        return ends.min(axis=0) - self.radius_mm, ends.max(axis=0) + self.radius_mm

    def depth_mm(self, points_mm: FloatArray) -> FloatArray:
        """How deep points (N, 3) lie below its surface, negative outside, (N,)."""
        along = self.end_mm - self.start_mm
        length = max(float(along @ along), 1e-9)
        part = np.clip((points_mm - self.start_mm) @ along / length, 0, 1)
        nearest = self.start_mm + part[:, None] * along
        return np.asarray(self.radius_mm - np.linalg.norm(points_mm - nearest, axis=1))


def filled(capsules: Sequence[Capsule], step_mm: float) -> tuple[FloatArray, FloatArray]:
    """Lattice points in any of the capsules, (N, 3), and their depth, (N,)."""
    found, depths = [np.empty((0, 3))], [np.empty(0)]
    for capsule in capsules:
        low, high = capsule.bounds_mm()
        first, last = np.floor(low / step_mm), np.ceil(high / step_mm)
        axes = [np.arange(a, b + 1) for a, b in zip(first, last, strict=True)]
        lattice = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
        depth = capsule.depth_mm(lattice * step_mm)
        found.append(lattice[depth > 0])
        depths.append(depth[depth > 0])
    points, depth = np.concatenate(found), np.concatenate(depths)
    order = np.argsort(-depth, kind="stable")  # keep the deepest of equal points
    keys = (points[order] + 2.0**15) @ np.array([1.0, 2.0**17, 2.0**34])
    _, kept = np.unique(keys, return_index=True)
    return points[order][kept] * step_mm, depth[order][kept]
