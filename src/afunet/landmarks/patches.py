"""Nearly flat patches of a surface, such as joint surfaces: their centre and normal."""

from __future__ import annotations

import numpy as np

from afunet.landmarks.results import FloatArray, Line
from afunet.reconstruction.surface_points import SurfacePoints

ROUNDS, FEWEST = 10, 50


def flat_patch(
    surface: SurfacePoints, start: Line, deep_mm: float, aligned: float = 0.85
) -> Line | None:
    """The centre and the outward normal of the flat patch near a plane; None if it is too small.

    Points within `deep_mm` of the plane whose normals have at least the cosine `aligned` to its
    normal count, less towards both limits, and the plane is fitted to them again, ten times.
    """
    level, normal = start.point_mm, start.direction
    for _ in range(ROUNDS):
        near = 1 - np.abs((surface.points_mm - level) @ normal) / deep_mm
        along = (surface.normals @ normal - aligned) / (1 - aligned)
        weight = np.clip(near, 0, None) * np.clip(along, 0, None)
        if np.count_nonzero(weight) < FEWEST:
            return None
        level, normal = _plane(surface.points_mm, weight, normal)
    return Line(level, normal)


def _plane(
    points_mm: FloatArray, weight: FloatArray, sense: FloatArray
) -> tuple[FloatArray, FloatArray]:
    middle = np.average(points_mm, axis=0, weights=weight)
    out = points_mm - middle
    normal = np.linalg.eigh((out * weight[:, None]).T @ out)[1][:, 0]
    return middle, np.asarray(normal if normal @ sense > 0 else -normal)
