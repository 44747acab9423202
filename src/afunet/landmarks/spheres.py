"""Spheres on the surface of a bone: found without knowing where, and fitted robustly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afunet.reconstruction.surface_points import SurfacePoints

FloatArray = NDArray[np.float64]

CELL_MM, RADIUS_STEP_MM = 4.0, 1.5
TRIED, SAME_START_MM = 6, 4.5
"""How many starts are tried for each sphere that is wanted, and how far they are apart."""
ALIGNED = 0.94
"""Cosine between the surface's normal and the radius from which a point counts as on a sphere."""
REACHES_MM = (5.0, 3.0, 2.0, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5)
"""How far from the sphere points count, one round of the fit after the other."""


@dataclass(frozen=True, eq=False)
class Sphere:
    """A sphere in mm, the share of it that the surface covers, and which points lie on it (N,)."""

    centre_mm: FloatArray
    radius_mm: float
    covered: float
    on: NDArray[np.bool_]


def fitted_sphere(
    points_mm: FloatArray, weights: FloatArray | None = None
) -> tuple[FloatArray, float]:
    """Centre (3,) and radius of the sphere with the least squared distances to points (N, 3).

    The algebraic fit starts a few Gauss–Newton steps on the distances. Needs four points that do
    not lie in one plane.
    """
    share = np.ones(len(points_mm)) if weights is None else weights
    middle = np.average(points_mm, axis=0, weights=share)
    own = points_mm - middle
    root = np.sqrt(share)[:, None]
    terms = np.column_stack([2 * own, np.ones(len(own))])
    solved = np.linalg.lstsq(terms * root, (own**2).sum(axis=1) * root[:, 0], rcond=None)[0]
    centre, radius = solved[:3], float(np.sqrt(max(solved[3] + solved[:3] @ solved[:3], 1e-9)))
    for _ in range(5):
        away = own - centre
        far = np.linalg.norm(away, axis=1)
        terms = np.column_stack([away / far[:, None], np.ones(len(own))])
        step = np.linalg.lstsq(terms * root, (far - radius) * root[:, 0], rcond=None)[0]
        centre, radius = centre + step[:3], radius + float(step[3])
    return centre + middle, radius


def found_spheres(
    surface: SurfacePoints, radii_mm: tuple[float, float], *, hollow: bool = False, count: int = 1
) -> list[Sphere]:
    """The spheres that cover most of themselves, the fullest first; fewer than `count` if none.

    Each point of the surface votes for the centres that it would have along its normal (a Hough
    transform); `hollow` looks for sockets, whose centres lie outside the bone. Centres are at least
    one radius apart.
    """
    sign = 1.0 if hollow else -1.0
    found: list[Sphere] = []
    tried: list[FloatArray] = []
    for centre, radius in _voted(surface, np.arange(*radii_mm, RADIUS_STEP_MM), sign):
        if any(np.linalg.norm(one - centre) < SAME_START_MM for one in tried):
            continue
        tried.append(centre)
        if (sphere := _refined(surface, centre, radius, sign)) is not None:
            found.append(sphere)
        if len(tried) == TRIED * count:
            break
    found.sort(key=lambda one: -one.covered)
    apart: list[Sphere] = []
    for sphere in found:
        if all(np.linalg.norm(one.centre_mm - sphere.centre_mm) >= one.radius_mm for one in apart):
            apart.append(sphere)
    return apart[:count]


def _voted(
    surface: SurfacePoints, radii_mm: FloatArray, sign: float
) -> list[tuple[FloatArray, float]]:
    """Centres and radii by the share of the sphere that votes for them, best first."""
    low = surface.points_mm.min(axis=0) - radii_mm[-1]
    size = np.ceil((np.ptp(surface.points_mm, axis=0) + 2 * radii_mm[-1]) / CELL_MM).astype(int) + 1
    votes = []
    for radius in radii_mm:
        centres = surface.points_mm + sign * radius * surface.normals
        cells = np.clip(((centres - low) / CELL_MM).astype(int), 0, size - 1)
        number, times = np.unique(
            np.ravel_multi_index(tuple(cells.T), tuple(size)), return_counts=True
        )
        best = np.argsort(-times)[:40]
        share = times[best] * surface.area_mm2 / (4 * np.pi * radius**2)
        votes += [
            (float(s), int(n), float(radius)) for s, n in zip(share, number[best], strict=True)
        ]
    votes.sort(reverse=True)
    return [
        (low + (np.array(np.unravel_index(number, tuple(size))) + 0.5) * CELL_MM, radius)
        for _, number, radius in votes
    ]


def _refined(
    surface: SurfacePoints, centre: FloatArray, radius: float, sign: float
) -> Sphere | None:
    """The sphere fitted again and again to the points near it whose normals point along radii."""
    on = np.zeros(len(surface), dtype=np.bool_)
    for reach in REACHES_MM:
        away = surface.points_mm - centre
        far = np.linalg.norm(away, axis=1)
        facing = -sign * (surface.normals * away).sum(axis=1) / np.maximum(far, 1e-9)
        on = (np.abs(far - radius) < reach) & (facing > ALIGNED)
        if np.count_nonzero(on) < 30:
            return None
        centre, radius = fitted_sphere(surface.points_mm[on])
    covered = np.count_nonzero(on) * surface.area_mm2 / (4 * np.pi * radius**2)
    return Sphere(centre, radius, float(covered), on)
