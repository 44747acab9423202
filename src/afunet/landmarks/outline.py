"""The centre of a bone's outline in a section."""

from __future__ import annotations

import numpy as np

from afunet.landmarks.results import FloatArray
from afunet.landmarks.vectors import across, unit

SECTORS, ROUNDS = 24, 3


def outline_centre(section_mm: FloatArray, axis: FloatArray) -> FloatArray:
    """The centre of the area within a closed outline, from points (N, 3) of a slab across an axis.

    The outline is taken by the mean radius in each of 24 sectors, so that it does not matter how
    many points lie where.
    """
    centre = section_mm.mean(axis=0)
    first = unit(across(np.eye(3)[np.argmin(np.abs(axis))], axis))
    second = np.cross(axis, first)
    for _ in range(ROUNDS):
        right, up = (section_mm - centre) @ first, (section_mm - centre) @ second
        sector = ((np.arctan2(up, right) / (2 * np.pi) + 0.5) * SECTORS).astype(int) % SECTORS
        count = np.bincount(sector, minlength=SECTORS)
        seen = count > 0
        radius = np.bincount(sector, np.hypot(right, up), SECTORS)[seen] / count[seen]
        angle = ((np.arange(SECTORS) + 0.5) / SECTORS - 0.5)[seen] * 2 * np.pi
        share = radius**3 * 2 / 3 / (radius**2).sum()
        centre = centre + (share * np.cos(angle)).sum() * first
        centre = centre + (share * np.sin(angle)).sum() * second
    return np.asarray(centre)
