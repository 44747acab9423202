"""Where a pattern breaks a bone: visible points, directions, and random rough surfaces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from afunet.phantom.config import Fracture
from afunet.phantom.shapes.arrays import FloatArray, Rng
from afunet.phantom.shapes.noise import NoiseField
from afunet.phantom.skeleton.fracture_surface import Cut, Facets, Plane, Sheet, Uneven

HINGED = 0.6
"""Share of the fracture planes with a bend."""
_BEND_DEG = (8.0, 28.0)
_FEWEST = 60
SMALL = 0.6
"""Roughness of a small piece relative to that of the fracture."""


@dataclass(frozen=True, eq=False)
class Split:
    """Divide cell number `cell`: what the cut keeps stays this cell, the rest is the next one.

    `driven_mm` (3,) moves the new cell into what remains, as in a depression.
    """

    cell: int
    cut: Cut
    driven_mm: FloatArray | None = None


@dataclass(frozen=True, eq=False)
class End:
    """The part of a bone near a height: its `middle_mm` (3,) and half-widths along x and y.

    `outward` is the sign of x on the patient's outer side.
    """

    middle_mm: FloatArray
    half_x_mm: float
    half_y_mm: float
    outward: float

    def at(self, lateral: float, back: float, up_mm: float) -> FloatArray:
        """The point at shares of the half-widths from the middle and a height above it in mm."""
        x, y = self.outward * lateral * self.half_x_mm, back * self.half_y_mm
        return np.asarray(self.middle_mm + np.array([x, y, up_mm]))

    def to(self, lateral: float, back: float, up: float) -> FloatArray:
        """The unit vector in this direction."""
        vector = np.array([self.outward * lateral, back, up])
        return np.asarray(vector / np.linalg.norm(vector))


@dataclass(frozen=True, eq=False)
class Site:
    """A bone to break, in its own frame: x to the patient's left, y to the back, z to the head.

    `points_mm` (N, 3) are the visible points inside it, `ends_mm` the heights of the whole bone's
    ends, `size` its size relative to an adult's.
    """

    points_mm: FloatArray
    ends_mm: tuple[float, float]
    outward: float
    size: float
    fracture: Fracture
    noise: NoiseField
    rng: Rng

    def mm(self, low: float, high: float) -> float:
        """A random length between two of an adult."""
        return float(self.size * self.rng.uniform(low, high))

    def side(self) -> float:
        """1 (lateral) or -1 at random."""
        return float(self.rng.choice([-1.0, 1.0]))

    def end(self, low_mm: float, high_mm: float, level_mm: float) -> End | None:
        """The bone between two heights, with its middle at a level; None if it is not in view."""
        z = self.points_mm[:, 2]
        part = self.points_mm[(z > low_mm) & (z < high_mm)]
        if len(part) < _FEWEST:
            return None
        low, high = np.percentile(part, [1, 99], axis=0)
        x, y = (low + high)[:2] / 2
        half_x, half_y = (high - low)[:2] / 2
        return End(np.array([x, y, level_mm]), float(half_x), float(half_y), self.outward)

    def cut(self, sheet: Sheet, rough: float = 1.0) -> Cut:
        """A rough cut along a sheet, open here and closed there; `rough` scales the bumps."""
        near = self.points_mm[np.abs(sheet(self.points_mm)) < 4.0]
        options = self.fracture
        points = near if len(near) else self.points_mm
        surface = Uneven.draw(
            self.noise,
            rough * options.roughness_mm,
            options.gap_mm,
            options.closed,
            points,
            sheet.normal,
            self.rng,
        )
        return Cut(sheet, surface)

    def plane(
        self, centre_mm: FloatArray, normal: FloatArray, stray_deg: float = 8.0, rough: float = 1.0
    ) -> Cut:
        """A plane about perpendicular to the normal (3,), often with a bend; negative behind it."""
        first = Plane(centre_mm, self._astray(normal, stray_deg))
        if self.rng.random() > HINGED:
            return self.cut(first, rough)
        second = Plane(centre_mm, self._astray(first.normal, self.rng.uniform(*_BEND_DEG)))
        if self.rng.random() < 0.5:
            return self.cut(Facets((first, second)), rough)
        hollow = Facets((Plane(centre_mm, -first.normal), Plane(centre_mm, -second.normal)))
        return self.cut(hollow, rough).other_side()

    def block(self, *planes: tuple[FloatArray, FloatArray]) -> Cut:
        """Off breaks what lies behind all planes, each a point (3,) and an outward normal (3,)."""
        facets = tuple(Plane(point, self._astray(normal, 5.0)) for point, normal in planes)
        return self.cut(Facets(facets)).other_side()

    def chunk(self, centre_mm: FloatArray, low_mm: float, high_mm: float) -> Cut:
        """Off breaks an irregular piece around a point, with faces at these distances from it."""
        planes = []
        for _ in range(5):
            normal = self.rng.standard_normal(3)
            normal /= np.linalg.norm(normal)
            planes.append(Plane(centre_mm + normal * self.mm(low_mm, high_mm), normal))
        return self.cut(Facets(tuple(planes)), SMALL).other_side()

    def _astray(self, normal: FloatArray, degrees: float) -> FloatArray:
        stray = self.rng.standard_normal(3) * np.tan(np.deg2rad(degrees)) / np.sqrt(2)
        vector = normal / np.linalg.norm(normal) + stray
        return np.asarray(vector / np.linalg.norm(vector))


Pattern = Callable[[Site], Iterator[Split]]
"""The cuts of a pattern; none if its place is not in view."""
