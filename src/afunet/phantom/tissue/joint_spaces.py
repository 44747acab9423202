"""The spaces of the joints as ellipsoids, which bone, cartilage and lobes then shape.

Everything is in the frame of `JointFrame.own`: an adult's left joint, millimetres, x to the outer
side, y to the back, z to the head. Places and sizes are set by eye.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from afunet.phantom.config import JointSpace
from afunet.phantom.shapes.arrays import Float32Array, IntArray, Points, Rng
from afunet.phantom.shapes.implicit import ellipsoid


@dataclass(frozen=True)
class Pocket:
    """An ellipsoid; with `lines`, only a layer on bone, of this share of the tissue's thickness."""

    middle_mm: tuple[float, float, float]
    half_mm: tuple[float, float, float]
    lines: float = 0.0

    def near(self, own: Points, margin_mm: float) -> IntArray:
        """Indices of the points (N, 3) that lie in its box with a margin."""
        # A slice has few heights, so most pockets end with the first axis.
        near = np.arange(len(own))
        for axis in (2, 1, 0):
            away = np.abs(own[near, axis] - np.float32(self.middle_mm[axis]))
            near = near[away < np.float32(self.half_mm[axis] + margin_mm)]
        return near

    def depth_mm(self, own: Points) -> Float32Array:
        """About how deep points (N, 3) lie in it, negative outside."""
        return np.asarray(-ellipsoid(own, self.middle_mm, self.half_mm), dtype=np.float32)

    def drawn(self, rng: Rng) -> Pocket:
        """The same pocket, a little elsewhere, larger or smaller."""
        half = np.array(self.half_mm)
        x, y, z = np.array(self.middle_mm) + rng.uniform(-0.2, 0.2, 3) * half
        a, b, c = half * rng.uniform(0.75, 1.2, 3)
        return Pocket((float(x), float(y), float(z)), (float(a), float(b), float(c)), self.lines)


_KNEE = {
    JointSpace.NOTCH: (Pocket((0, 20, 16), (14, 26, 22)),),
    JointSpace.SPINES: (Pocket((0, 4, 3), (17, 24, 8)),),
    JointSpace.BEHIND: (
        Pocket((0, 42, 16), (20, 11, 20)),
        Pocket((-23, 36, 22), (17, 19, 22), lines=1.0),
        Pocket((23, 36, 22), (17, 19, 22), lines=1.0),
    ),
    JointSpace.CYST: (
        Pocket((-20, 60, -2), (13, 10, 26)),
        Pocket((-15, 49, 16), (7, 11, 8)),
    ),
    JointSpace.POPLITEUS: (
        Pocket((38, 16, 4), (8, 12, 12)),
        Pocket((30, 31, -7), (10, 8, 12)),
    ),
    JointSpace.PAD: (
        Pocket((0, -36, 0), (16, 10, 15)),
        Pocket((2, -44, -14), (10, 5, 16)),
    ),
    JointSpace.BESIDE_PATELLA: (
        Pocket((-27, -32, 34), (13, 17, 24), lines=1.0),
        Pocket((27, -32, 34), (13, 17, 24), lines=1.0),
    ),
    JointSpace.GUTTERS: (
        Pocket((-40, -2, 24), (15, 28, 24), lines=1.0),
        Pocket((40, -2, 24), (15, 28, 24), lines=1.0),
    ),
    JointSpace.ABOVE_PATELLA: (Pocket((0, -38, 74), (30, 20, 34), lines=1.0),),
    JointSpace.LINING: (Pocket((0, 4, 20), (50, 46, 40), lines=0.5),),
}
POCKETS = _KNEE | {
    JointSpace.HIP: (
        Pocket((0, 0, 0), (31, 31, 31), lines=1.0),
        Pocket((16, -16, -12), (22, 14, 24)),
    ),
    JointSpace.ANKLE: (
        Pocket((0, 0, -6), (24, 22, 11)),
        Pocket((0, -19, 2), (18, 8, 15)),
        Pocket((0, 19, 2), (16, 8, 15)),
    ),
}
"""The pockets of each space."""
KNEE = tuple(_KNEE)
"""The spaces of the knee."""
