"""Fracture surfaces: planes with facets, balls and helices, rough, open here and closed there."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from afunet.phantom.shapes.arrays import Float32Array, FloatArray, Points, Rng
from afunet.phantom.shapes.noise import NoiseField

_WAVE_MM = 14.0
"""Distance between the bumps that `roughness_mm` describes."""
# A self-affine surface: bumps are lower by this power of their distance. Hurst exponent 0.8, as
# measured on most brittle materials (Bouchaud 1997).
_WAVES_MM, _HURST = (26.0, 9.0, 3.2), 0.8
_ASIDE_MM = (0.0, 53.0, 97.0)
"""Offsets at which one noise field is read for the waves."""
_NEAR_BONE_MM = 3.0
"""Roughness and gaps are not computed further than this outside the bone."""
_GAP_WAVE_MM, _GAP_UNEVEN = 22.0, 0.18


@dataclass(frozen=True, eq=False)
class Plane:
    """A plane through a point; positive on the side to which the normal (3,) points."""

    centre_mm: FloatArray
    normal: FloatArray

    def __call__(self, points: Points) -> Points:
        """Distance (...) of points (..., 3)."""
        offset = points - self.centre_mm.astype(points.dtype)
        return np.asarray(offset @ self.normal.astype(points.dtype))


@dataclass(frozen=True, eq=False)
class Facets:
    """The surface of the convex region behind all planes; negative inside."""

    planes: tuple[Plane, ...]

    @property
    def normal(self) -> FloatArray:
        """The normal (3,) of the first plane."""
        return self.planes[0].normal

    def __call__(self, points: Points) -> Points:
        """Value (...) at points (..., 3)."""
        return np.asarray(np.maximum.reduce([plane(points) for plane in self.planes]))


@dataclass(frozen=True, eq=False)
class Ball:
    """A ball, flattened along z by a factor; negative inside. `tall` adds all that is above it."""

    centre_mm: FloatArray
    radius_mm: float
    flatness: float = 1.0
    tall: bool = False
    normal: FloatArray = field(default_factory=lambda: np.zeros(3))

    def __call__(self, points: Points) -> Points:
        """Value (...) at points (..., 3)."""
        offset = points - self.centre_mm.astype(points.dtype)
        if self.flatness != 1.0:
            offset = offset * np.array((1, 1, self.flatness), dtype=points.dtype)
        if self.tall:
            offset[..., 2] = np.minimum(offset[..., 2], 0)
        return np.asarray(np.linalg.norm(offset, axis=-1) - self.radius_mm)


@dataclass(frozen=True, eq=False)
class Helix:
    """A helical surface around z that climbs `rise_mm` in one turn, closed by a straight crack.

    Positive above. `start` is the angle opposite to the straight crack; `hand` is 1 or -1.
    """

    centre_mm: FloatArray
    rise_mm: float
    start: float
    hand: float
    normal: FloatArray = field(default_factory=lambda: np.zeros(3))

    def __call__(self, points: Points) -> Points:
        """Value (...) at points (..., 3)."""
        offset = points - self.centre_mm.astype(points.dtype)
        cos, sin = np.cos(self.start), np.sin(self.start)
        x = offset[..., 0] * cos + offset[..., 1] * sin
        y = self.hand * (offset[..., 1] * cos - offset[..., 0] * sin)
        z, radius = offset[..., 2], np.hypot(x, y)
        steep = self.rise_mm / (2 * np.pi * np.maximum(radius, 3.0))
        climb = (z - self.rise_mm * np.arctan2(y, x) / (2 * np.pi)) / np.sqrt(1 + steep**2)
        beyond = np.maximum(np.abs(z) - self.rise_mm / 2, 0)
        seam = np.sqrt(y**2 + np.maximum(x, 0) ** 2 + beyond**2)
        return np.asarray(np.sign(climb) * np.minimum(np.abs(climb), seam))


@dataclass(frozen=True, eq=False)
class Even:
    """One wave of bumps and the same gap everywhere, computed at all points."""

    noise: NoiseField
    roughness_mm: float
    gap_mm: float

    def rough(self, points: Points, plain: Points) -> Points:
        """The sheet's values (...) at points (..., 3), made rough."""
        bumps = self.noise.at(points, _WAVE_MM) * np.float32(self.roughness_mm)
        return np.asarray(plain + bumps)

    def face(self, points: Points, plain: Points, sign: float, intact_mm: Points) -> Float32Array:
        """Rough value (...) on one side of the surface (1 or -1), with half of the gap."""
        value = np.asarray(sign * self.rough(points, plain), dtype=np.float32)
        return np.asarray(value + np.float32(self.gap_mm / 2), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Uneven:
    """Bumps on several scales with creases, and a gap that opens across the surface.

    The gap is none over a share `closed` of the surface, then grows to `gap_mm` along `opens` (3,).
    Bumps and gap are the same along the `normal` (3,) of the smooth surface, so that no islands
    arise; zeros if it has no single one.
    """

    noise: NoiseField
    roughness_mm: float
    gap_mm: float
    closed: float
    centre_mm: FloatArray
    opens: FloatArray
    reach_mm: float
    normal: FloatArray

    @staticmethod
    def draw(
        noise: NoiseField,
        roughness_mm: float,
        gap_mm: float,
        closed: float,
        points: FloatArray,
        normal: FloatArray,
        rng: Rng,
    ) -> Uneven:
        """A surface in a piece given by points (N, 3) near it."""
        opens = rng.standard_normal(3)
        opens /= np.linalg.norm(opens)
        along = (points - points.mean(axis=0)) @ opens
        reach = max(float(2 * along.std()), 4.0)
        centre = points.mean(axis=0)
        return Uneven(noise, roughness_mm, gap_mm, closed, centre, opens, reach, normal)

    def rough(self, points: Points, plain: Points) -> Points:
        """The sheet's values (...) at points (..., 3), made rough near the surface."""
        value = np.array(plain, dtype=np.float32)
        near = np.abs(value) < self._band_mm
        value[near] += self._bumps(self._onto(points[near], value[near]), value[near])
        return value

    def face(self, points: Points, plain: Points, sign: float, intact_mm: Points) -> Float32Array:
        """Rough value (...) on one side of the surface (1 or -1), with half of the gap."""
        value = np.array(plain, dtype=np.float32)
        near = (np.abs(value) < self._band_mm) & (intact_mm < _NEAR_BONE_MM)
        value *= np.float32(sign)
        if near.any():
            where = self._onto(points[near], np.float32(sign) * value[near])
            bumps = self._bumps(where, value[near])
            value[near] += np.float32(sign) * bumps + self.gap(where) / 2
        return value

    def gap(self, points: Points) -> Float32Array:
        """Width (N,) of the gap at points (N, 3) near the surface."""
        along = (points - self.centre_mm.astype(points.dtype)) @ self.opens.astype(points.dtype)
        share = 0.5 + 0.5 * along / self.reach_mm
        share = share + _GAP_UNEVEN * self.noise.at(points + 31, _GAP_WAVE_MM)
        opened = np.clip((share - self.closed) / max(1 - self.closed, 0.1), 0, 1)
        return np.asarray(self.gap_mm * opened, dtype=np.float32)

    def _onto(self, points: Points, value: Float32Array) -> Points:
        """Points (N, 3) moved along the normal onto the smooth surface."""
        return np.asarray(points - value[:, None] * self.normal.astype(points.dtype))

    @property
    def _band_mm(self) -> float:
        """Distance from the smooth surface beyond which nothing is rough or open."""
        return 6.0 * self.roughness_mm + self.gap_mm + 2.0

    def _bumps(self, points: Points, value: Points) -> Float32Array:
        """Heights (N,) of the bumps, which fade towards the end of the band."""
        height = np.zeros(len(points), dtype=np.float32)
        for wave, aside in zip(_WAVES_MM, _ASIDE_MM, strict=True):
            bump = self.noise.at(points + np.float32(aside), wave)
            if wave == _WAVES_MM[0]:
                # Creases between facets, with mean about 0.
                bump = np.float32(1.6) * np.abs(bump) - np.float32(1.28)
            height += np.float32(self.roughness_mm * (wave / _WAVE_MM) ** _HURST) * bump
        fading = np.clip(2 - 2 * np.abs(value) / self._band_mm, 0, 1)
        return np.asarray(height * fading, dtype=np.float32)


Sheet = Plane | Facets | Ball | Helix
"""Value (...) at points (..., 3), a signed distance or nearly one to a smooth surface."""


@dataclass(frozen=True, eq=False)
class Cut:
    """A rough surface of which one side is kept; its value is negative there."""

    sheet: Sheet
    surface: Even | Uneven
    sign: float = 1.0

    def __call__(self, points: Points) -> Float32Array:
        """Value (...) at points (..., 3) without the gap, approximately a signed distance."""
        rough = self.surface.rough(points, self.sheet(points))
        return np.asarray(self.sign * rough, dtype=np.float32)

    def face(self, points: Points, intact_mm: Points) -> Float32Array:
        """Value (...) with half of the gap, at points with this distance to the intact bone."""
        return self.surface.face(points, self.sheet(points), self.sign, intact_mm)

    def other_side(self) -> Cut:
        """The same cut, keeping the other side."""
        return replace(self, sign=-self.sign)


@dataclass(frozen=True, eq=False)
class Yielding:
    """The side of a cut that makes room for the other one, which is driven in by a shift (3,)."""

    cut: Cut
    shift_mm: FloatArray

    def __call__(self, points: Points) -> Float32Array:
        """Value (...) at points (..., 3) without the gap."""
        return self.cut(points - self.shift_mm.astype(points.dtype))

    def face(self, points: Points, intact_mm: Points) -> Float32Array:
        """Value (...) with half of the gap, at points with this distance to the intact bone."""
        return self.cut.face(points - self.shift_mm.astype(points.dtype), intact_mm)


@dataclass(frozen=True, eq=False)
class Slit:
    """A fracture line that ends in the bone, `reach_mm` from where it enters at `entry_mm`."""

    cut: Cut
    entry_mm: FloatArray
    reach_mm: float
    width_mm: float

    def at(self, points: Points) -> tuple[Float32Array, Float32Array]:
        """Distance (...) of points (..., 3) from the line, and the line's width (...) there."""
        away = np.linalg.norm(points - self.entry_mm.astype(points.dtype), axis=-1)
        beside = np.full(away.shape, self.reach_mm, dtype=np.float32)
        near = away < self.reach_mm
        beside[near] = np.abs(self.cut(points[near]))
        width = self.width_mm * np.sqrt(np.clip(1 - away / self.reach_mm, 0, 1))
        return beside, np.asarray(width, dtype=np.float32)
