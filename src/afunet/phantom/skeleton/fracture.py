"""Breaking a bone: rough cuts, small chips, and displacement of the pieces."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from afunet.phantom.config import Fracture
from afunet.phantom.shapes.arrays import Float32Array, FloatArray, Points, Rng
from afunet.phantom.shapes.distance import Box, DistanceGrid
from afunet.phantom.shapes.noise import CLOUDY, NoiseField
from afunet.phantom.shapes.streams import Stream

_ROUGHNESS_WAVE_MM = 14.0
"""Distance between the bumps of a fracture surface."""


@dataclass(frozen=True, eq=False)
class Cut:
    """A rough plane (radius 0) or a rough ball; its value is negative on the side to keep."""

    centre_mm: FloatArray
    normal: FloatArray
    radius_mm: float
    roughness_mm: float
    noise: NoiseField
    sign: float

    def __call__(self, points: Points) -> Float32Array:
        """Value (...) at points (..., 3), approximately a signed distance."""
        offset = points - self.centre_mm.astype(points.dtype)
        if self.radius_mm > 0:
            plain = np.linalg.norm(offset, axis=-1) - self.radius_mm
        else:
            plain = offset @ self.normal.astype(points.dtype)
        rough = self.noise.at(points, _ROUGHNESS_WAVE_MM) * np.float32(self.roughness_mm)
        return np.asarray(self.sign * (plain + rough), dtype=np.float32)

    def other_side(self) -> Cut:
        """The same cut, keeping the other side."""
        return replace(self, sign=-self.sign)


@dataclass(frozen=True, eq=False)
class Fragment:
    """The part of a bone that all `cuts` keep, rotated about `pivot_mm` and shifted.

    `home` is a box around the fragment before it moved, in the intact bone's frame.
    """

    home: Box
    cuts: tuple[Cut, ...]
    gap_mm: float
    pivot_mm: FloatArray
    turn: FloatArray
    shift_mm: FloatArray

    def corners_mm(self) -> FloatArray:
        """Corners (8, 3) of the home box, moved with the fragment."""
        return self.from_home(self.home.corners_mm())

    def from_home(self, points: FloatArray) -> FloatArray:
        """Points of the intact bone's frame, (..., 3), moved with the fragment."""
        return np.asarray((points - self.pivot_mm) @ self.turn.T + self.pivot_mm + self.shift_mm)

    def to_home(self, points: Points) -> Points:
        """The inverse of `from_home`: points (..., 3) before the fragment moved."""
        pivot = self.pivot_mm.astype(points.dtype)
        shift = self.shift_mm.astype(points.dtype)
        return np.asarray((points - shift - pivot) @ self.turn.astype(points.dtype) + pivot)

    def cut(self, home: Points, intact_mm: Float32Array) -> Float32Array:
        """Signed distance to the fragment at home points, from that to the intact bone."""
        distance = intact_mm
        for cut in self.cuts:
            distance = np.maximum(distance, cut(home) + np.float32(self.gap_mm / 2))
        return distance


def break_bone(surface: DistanceGrid, fracture: Fracture) -> list[Fragment]:
    """Break a bone into fragments; the first (largest) one stays in place.

    Each further cut halves the piece with the most bone near the fracture. Displacements are about
    `displacement_mm` long and point away from the first piece. If a piece would move into another,
    its displacement is drawn again, at last shorter and shorter. If the bone's grid does not reach
    the height of the fracture, the bone stays intact: no fragments.
    """
    rng = Stream.FRACTURE.of(fracture.seed)
    noise = NoiseField.draw(rng, *CLOUDY)
    solid = _inside_points(surface)
    if len(_near(solid, fracture)) < _FEWEST:
        return []
    cells: list[Cell] = [((), solid)]
    for kind in [_plane] * (fracture.pieces - 1) + [_bite] * fracture.chips:
        cells.sort(key=lambda cell: -len(_near(cell[1], fracture)))
        cuts, points = cells[0]
        near = _near(points, fracture)
        if len(near) >= _FEWEST:
            cells[:1] = _halves(cuts, points, kind(near, surface, fracture, noise, rng))
    cells = sorted((cell for cell in cells if len(cell[1]) > 0), key=lambda cell: -len(cell[1]))
    middle = cells[0][1].mean(axis=0)
    fragments: list[Fragment] = []
    for cuts, points in cells:
        for amount in _AMOUNTS if fragments else (0.0,):
            fragment = _displaced(cuts, points, middle, amount, fracture, rng)
            if not _runs_into(fragment, points, fragments, surface):
                break
        fragments.append(fragment)
    return fragments


Cell = tuple[tuple[Cut, ...], FloatArray]
"""Cuts, and the sample points (N, 3) of the bone that they keep."""

_FEWEST = 50
"""A piece with fewer sample points is not halved."""
_SAMPLE_MM = 2.0
_ZONE_MM = 30.0
_STRAY = 0.7
"""Random deviation of a displacement from the outward direction, as a share of its length."""
# Chips of about 50 to 1000 mm³ from the outermost bone.
_CHIP_RADII_MM, _CHIP_DEPTH_MM = (3.5, 7.5), 3.0
_DRIVEN_MM, _DRIVEN_SHARE = 1.0, 0.002
"""Pieces overlap if more than this share of one's points lies this deep in others."""
_AMOUNTS = (*[1.0] * 10, *(0.85**k for k in range(1, 16)), 0.0)
"""Factors of the displacement, tried in this order."""


def _inside_points(surface: DistanceGrid) -> FloatArray:
    """Grid points inside the bone, about 2 mm apart, (N, 3)."""
    step = max(1, round(_SAMPLE_MM / surface.spacing_mm))
    z, y, x = np.nonzero(surface.values[::step, ::step, ::step] < 0)
    points = np.stack([x, y, z], axis=-1) * (step * surface.spacing_mm) + surface.origin_mm
    return np.asarray(points, dtype=np.float64)


def _near(points: FloatArray, fracture: Fracture) -> FloatArray:
    """Points within 30 mm of the fracture's height; cuts are centred there only."""
    return np.asarray(points[np.abs(points[:, 2] - fracture.centre_mm) < _ZONE_MM])


def _plane(
    points: FloatArray, surface: DistanceGrid, fracture: Fracture, noise: NoiseField, rng: Rng
) -> Cut:
    centre = points[rng.integers(len(points))] * 0.5 + points.mean(axis=0) * 0.5
    normal = rng.standard_normal(3)
    return Cut(centre, normal / np.linalg.norm(normal), 0.0, fracture.roughness_mm, noise, 1.0)


def _bite(
    points: FloatArray, surface: DistanceGrid, fracture: Fracture, noise: NoiseField, rng: Rng
) -> Cut:
    shallow = points[surface.distance_mm(points) > -_CHIP_DEPTH_MM]
    pool = shallow if len(shallow) else points
    centre = pool[rng.integers(len(pool))]
    radius = rng.uniform(*_CHIP_RADII_MM)
    return Cut(centre, np.zeros(3), radius, fracture.roughness_mm / 2, noise, 1.0)


def _halves(cuts: tuple[Cut, ...], points: FloatArray, cut: Cut) -> list[Cell]:
    side = cut(points)
    return [((*cuts, cut), points[side < 0]), ((*cuts, cut.other_side()), points[side >= 0])]


def _runs_into(
    fragment: Fragment, points: FloatArray, others: list[Fragment], surface: DistanceGrid
) -> bool:
    """Whether a fragment, given by points in its home position, was moved into others."""
    moved = fragment.from_home(points)
    driven = np.zeros(len(points), dtype=np.bool_)
    for other in others:
        home = other.to_home(moved)
        driven |= other.cut(home, surface.distance_mm(home)) < -_DRIVEN_MM
    return bool(driven.mean() > _DRIVEN_SHARE)


def _displaced(
    cuts: tuple[Cut, ...],
    points: FloatArray,
    middle: FloatArray,
    amount: float,
    fracture: Fracture,
    rng: Rng,
) -> Fragment:
    pivot = points.mean(axis=0)
    away = pivot - middle
    away = away / max(float(np.linalg.norm(away)), 1e-6) + _STRAY * rng.standard_normal(3)
    away /= np.linalg.norm(away)
    turn = Rotation.from_rotvec(
        np.deg2rad(amount * fracture.tilt_deg) * rng.standard_normal(3) / np.sqrt(3)
    )
    shift = amount * fracture.displacement_mm * rng.uniform(0.5, 1.3) * away
    home = Box.around(points, 2.5 * _SAMPLE_MM)
    return Fragment(home, cuts, fracture.gap_mm, pivot, turn.as_matrix(), shift)
