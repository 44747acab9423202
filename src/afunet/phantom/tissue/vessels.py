"""Blood vessels with contrast medium or calcified walls: tubes along a limb or the trunk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from afunet.phantom.shapes.arrays import Float32Array, FloatArray
from afunet.phantom.shapes.blend import mix, step
from afunet.phantom.tissue.envelope import LimbFrame

_EDGE_MM = 0.7
# Calcified walls: weight of rings relative to plates, and the distances along the vessel.
_RINGS, _RING_MM, _PLATE_MM, _TWIST_MM = 1.4, 17, 23, 7
_WALL_MM = 2.5
"""The distance beyond its radius up to which a tube changes HU."""


@dataclass(frozen=True, eq=False)
class Tube:
    """A vessel: `knots` (K, 4) of height (mm, ascending), across, behind, radius (mm).

    Across and behind are shares of a reach, which is the fascia's radius in a limb and 1 mm in
    the trunk. `oval` is the ratio of length to width of its section, `turn` (radians) its
    direction. `plaque` is the share of its wall that is calcified.
    """

    knots: FloatArray
    hu: float
    oval: float = 1.0
    turn: float = 0.0
    plaque: float = 0.0
    plaque_hu: float = 0.0
    phase: float = 0.0

    def paint(self, hu: Float32Array, frame: LimbFrame, reach: Float32Array | float) -> None:
        """Paint the tube into HU (N,) at points in a slice, in place."""
        across, behind, height = frame.across_mm, frame.behind_mm, frame.height_mm
        low, high = float(height.min()), float(height.max())
        if high < self.knots[0, 0] or low > self.knots[-1, 0]:
            return
        along = np.array([low, max(high, low + 1.0)])
        # A slice is thin: within it the tube is straight.
        ends = [np.interp(along, self.knots[:, 0], column) for column in self.knots.T[1:]]
        share = (height - low) / np.float32(along[1] - along[0])
        u, v, radius = (np.float32(a) + np.float32(b - a) * share for a, b in ends)
        dx = np.asarray(across - u * reach)
        limit = float(radius.max()) * self.oval + _WALL_MM
        near = np.flatnonzero(np.abs(dx) < limit)
        dy = behind[near] - v[near] * (reach if isinstance(reach, float) else reach[near])
        kept = np.abs(dy) < limit
        near, dx, dy = near[kept], dx[near[kept]], dy[kept]
        if len(near):
            hu[near] = self._section(hu[near], dx, dy, height[near], radius[near])

    def _section(
        self,
        hu: Float32Array,
        dx: Float32Array,
        dy: Float32Array,
        height: Float32Array,
        radius: Float32Array,
    ) -> Float32Array:
        cos, sin = np.float32(np.cos(self.turn)), np.float32(np.sin(self.turn))
        long, wide = dx * cos + dy * sin, dy * cos - dx * sin
        outside = np.hypot(long / np.float32(self.oval), wide) - radius
        inside = (height > self.knots[0, 0]) & (height < self.knots[-1, 0])
        hu = mix(hu, np.float32(self.hu), step(-outside, _EDGE_MM) * inside)
        if self.plaque:
            hu = mix(hu, np.float32(self.plaque_hu), self._plaque(outside, long, wide, height))
        return hu

    def _plaque(
        self, outside: Float32Array, long: Float32Array, wide: Float32Array, height: Float32Array
    ) -> Float32Array:
        """1 on the calcified parts of the wall: whole rings and single plates."""
        angle = np.arctan2(wide, long)
        rings = _RINGS * np.sin(height / _RING_MM + self.phase)
        plates = np.cos(2 * angle + height / _PLATE_MM + 3 * self.phase) + np.sin(
            height / _TWIST_MM + angle
        )
        there = step(0.5 * (rings + plates) - 2.2 * (0.5 - self.plaque), 0.5)
        thick = 0.5 + 0.5 * self.plaque + 0.3 * np.sin(2 * angle + self.phase)
        return np.asarray(step(thick - np.abs(outside), 0.6) * there, dtype=np.float32)


def paint_vessels(
    hu: Float32Array, tubes: Sequence[Tube], frame: LimbFrame, reach: Float32Array | float
) -> Float32Array:
    """HU (N,) with all tubes painted in."""
    painted = hu.copy()
    for tube in tubes:
        tube.paint(painted, frame, reach)
    return painted
