"""A parametric knee: femur, patella, tibia and fibula as smooth implicit functions.

Everything is in the frame of a left leg: the origin in the middle of the joint line, x to the
patient's left (lateral), y to the back, z to the head, millimetres, adult size. Values approximate
signed distances, negative inside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from afunet.phantom.shapes.arrays import Points
from afunet.phantom.shapes.implicit import ellipsoid, smooth_cut, smooth_union


@dataclass(frozen=True)
class Tube:
    """A bone's shaft: levels z, half-widths in x and y, centres, and how triangular it is."""

    z: tuple[float, ...]
    half_x: tuple[float, ...]
    half_y: tuple[float, ...]
    centre_x: tuple[float, ...]
    centre_y: tuple[float, ...]
    triangular: tuple[float, ...]
    power: float = 2.0

    def __call__(self, points: Points) -> Points:
        """Value at points (..., 3); the tube has rounded ends at its first and last level."""
        z = points[..., 2]
        a, b, x, y, t = (
            np.interp(z, self.z, column)
            for column in (self.half_x, self.half_y, self.centre_x, self.centre_y, self.triangular)
        )
        u, v = (points[..., 0] - x) / a, (points[..., 1] - y) / b
        radius = (np.abs(u) ** self.power + np.abs(v) ** self.power) ** (1 / self.power)
        ridge = 1 + t * np.cos(3 * (np.arctan2(v, u) + np.pi / 2))
        side = (radius / ridge - 1) * np.minimum(a, b)
        ends = np.maximum(self.z[0] - z, z - self.z[-1])
        return -smooth_union(-side, -ends, 4.0)


_FEMUR_SHAFT = Tube(
    z=(16, 26, 38, 52, 68, 90, 125, 200, 320, 430),
    half_x=(36, 39, 38.5, 34, 27, 20.5, 16, 14, 14, 17),
    half_y=(20, 23, 22, 19.5, 17.5, 16, 15, 14, 14, 17),
    centre_x=(0, 0, 0, 0, 0, 0, 1, 2, 3, 4),
    centre_y=(0, -2, -5, -7, -8, -9, -10, -13, -13, -6),
    triangular=(0, 0, 0, 0, 0.02, 0.04, 0.06, 0.06, 0.06, 0),
    power=2.5,
)
_TIBIA_SHAFT = Tube(
    z=(-372, -355, -330, -300, -230, -150, -100, -70, -48, -32, -20, -10, -3.0),
    half_x=(22, 22, 19, 14, 11.5, 13, 15, 18.5, 25, 31, 36, 38.5, 37),
    half_y=(19, 19, 16, 13, 12.5, 15, 17.5, 20, 22, 24, 25.5, 26, 24),
    centre_x=(-4, -4, -4, -5, -6, -6, -6, -5, -3, -1, 0, 0, 0),
    centre_y=(8, 8, 6, 3, -2, -6, -6, -5, -3, 0, 2.5, 4, 4),
    triangular=(0.02, 0.02, 0.04, 0.08, 0.13, 0.14, 0.13, 0.1, 0.05, 0.02, 0, 0, 0),
    power=2.3,
)
_FIBULA_SHAFT = Tube(
    z=(-388, -370, -345, -320, -200, -80, -48, -36, -26, -14),
    half_x=(6, 10, 9, 6.5, 6, 6, 6.5, 8.5, 10.5, 7),
    half_y=(9, 12, 10, 7, 6.5, 6.5, 7, 9.5, 12, 8),
    centre_x=(25, 25, 24, 23, 26, 34, 35, 35.5, 36, 36),
    centre_y=(17, 17, 16, 14, 15, 19, 21, 22, 23, 24),
    triangular=(0.05, 0.05, 0.08, 0.14, 0.14, 0.12, 0.1, 0.05, 0.02, 0),
)


def femur(points: Points) -> Points:
    """Shaft, two condyles, the groove in front and the notch between them."""
    solid = _FEMUR_SHAFT(points)
    for side in (-1, 1):
        distal = ellipsoid(points, (side * 23.5, 0, 27), (16.5, 32, 25.5))
        posterior = ellipsoid(points, (side * 24.5, 18, 24), (13.5, 21, 22))
        anterior = ellipsoid(points, (side * 18, -20, 36), (15, 14 + side, 20))
        epicondyle = ellipsoid(points, (side * 37, 3, 33), (8, 12, 14))
        solid = smooth_union(solid, smooth_union(distal, posterior, 5), 6)
        solid = smooth_union(smooth_union(solid, anterior, 8), epicondyle, 6)
    notch = ellipsoid(points, (0, 25, 10), (10.5, 33, 29))
    groove = ellipsoid(points, (2, -46, 26), (17, 17, 44))
    return smooth_cut(smooth_cut(solid, notch, 4), groove, 6)


def tibia(points: Points) -> Points:
    """Shaft, two shallow plateaus with the eminence between them, and the tuberosity."""
    solid = smooth_cut(_TIBIA_SHAFT(points), ellipsoid(points, (0, 36, -6), (11, 12, 30)), 5)
    for side in (-1, 1):
        dish = ellipsoid(points, (side * 21, 3, 14), (26, 36, 18.5))
        spine = ellipsoid(points, (side * 5, 3, -3), (4, 7, 8))
        solid = smooth_union(smooth_cut(solid, dish, 3), spine, 4)
    tuberosity = ellipsoid(points, (1, -22, -36), (10, 9, 18))
    return smooth_union(solid, tuberosity, 10)


def fibula(points: Points) -> Points:
    """Head, three-sided shaft and lateral malleolus."""
    return _FIBULA_SHAFT(points)


def patella(points: Points) -> Points:
    """A flattened disc whose back is a blunt ridge between two facets."""
    disc = ellipsoid(points, (2, -48.5, 34), (22, 12, 20.5))
    across = np.abs(points[..., 0] - 1)
    facets = (points[..., 1] + 38.5 + 0.3 * across) / np.hypot(1, 0.3)
    front = (-points[..., 1] - 56 + 0.004 * across**2) / 1.1
    return -smooth_union(smooth_union(-disc, -facets, 3), -front, 4)


KNEE_BONES = {"femur": femur, "patella": patella, "tibia": tibia, "fibula": fibula}

KNEE_BOXES_MM = {
    "femur": ((-48.0, -48.0, -4.0), (48.0, 48.0, 432.0)),
    "patella": ((-24.0, -66.0, 8.0), (28.0, -30.0, 60.0)),
    "tibia": ((-45.0, -42.0, -374.0), (45.0, 36.0, 10.0)),
    "fibula": ((10.0, 0.0, -390.0), (50.0, 40.0, -10.0)),
}
"""The bounding box of each bone, low and high corner."""
