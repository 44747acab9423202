"""Nearly flat patches of a surface, such as joint surfaces: their centre and normal."""

from __future__ import annotations

import numpy as np

from afunet.landmarks.results import FloatArray, Line
from afunet.reconstruction.surface_points import SurfacePoints

ROUNDS, FEWEST = 8, 50


def flat_patch(
    surface: SurfacePoints, start: Line, deep_mm: float, aligned: float = 0.85
) -> Line | None:
    """The centre and the outward normal of the flat patch near a plane; None if it is too small.

    Points within `deep_mm` of the plane whose normals have at least the cosine `aligned` to its
    normal count, and the plane is fitted to them again, eight times.
    """
    level, normal = start.point_mm, start.direction
    for _ in range(ROUNDS):
        near = np.abs((surface.points_mm - level) @ normal) < deep_mm
        points = surface.points_mm[near & (surface.normals @ normal > aligned)]
        if len(points) < FEWEST:
            return None
        level, normal = _plane(points, normal)
    return Line(level, normal)


def _plane(points_mm: FloatArray, sense: FloatArray) -> tuple[FloatArray, FloatArray]:
    middle = points_mm.mean(axis=0)
    normal = np.linalg.svd(points_mm - middle, full_matrices=False)[2][2]
    return middle, np.asarray(normal if normal @ sense > 0 else -normal)
