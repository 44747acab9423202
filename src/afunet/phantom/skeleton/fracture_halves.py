"""The fractures of simulators 1 and 2: random rough planes with an even gap, kept to compare."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from afunet.phantom.config import Fracture
from afunet.phantom.shapes.arrays import FloatArray, Rng
from afunet.phantom.shapes.distance import Box, DistanceGrid
from afunet.phantom.shapes.noise import CLOUDY, NoiseField
from afunet.phantom.shapes.streams import Stream
from afunet.phantom.skeleton.fracture_surface import Ball, Cut, Even, Plane
from afunet.phantom.skeleton.fragment import Fragment


def halved(surface: DistanceGrid, fracture: Fracture) -> list[Fragment]:
    """The fragments of a bone; the first (largest) one stays in place.

    Each further cut halves the piece with the most bone near the fracture. Displacements are about
    `displacement_mm` long and point away from the first piece. If a piece would move into another,
    its displacement is drawn again, at last shorter and shorter. If the bone's grid does not reach
    the height of the fracture, the bone stays intact: no fragments.
    """
    rng = Stream.FRACTURE.of(fracture.seed)
    noise = NoiseField.draw(rng, *CLOUDY)
    solid = inside_points(surface)
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


def inside_points(surface: DistanceGrid) -> FloatArray:
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
    even = Even(noise, fracture.roughness_mm, fracture.gap_mm)
    return Cut(Plane(centre, normal / np.linalg.norm(normal)), even)


def _bite(
    points: FloatArray, surface: DistanceGrid, fracture: Fracture, noise: NoiseField, rng: Rng
) -> Cut:
    shallow = points[surface.distance_mm(points) > -_CHIP_DEPTH_MM]
    pool = shallow if len(shallow) else points
    centre = pool[rng.integers(len(pool))]
    radius = rng.uniform(*_CHIP_RADII_MM)
    return Cut(Ball(centre, radius), Even(noise, fracture.roughness_mm / 2, fracture.gap_mm))


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
        intact = surface.distance_mm(home)
        driven |= np.maximum(intact, other.face_mm(home, intact)) < -_DRIVEN_MM
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
    return Fragment(home, cuts, pivot, turn.as_matrix(), shift)
