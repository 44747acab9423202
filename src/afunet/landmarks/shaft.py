"""The axis of a shaft: the line through the centres of its cross-sections."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from afunet.landmarks.results import Line
from afunet.landmarks.vectors import across, unit
from afunet.reconstruction.surface_points import SurfacePoints

FloatArray = NDArray[np.float64]

SECTIONS, SECTORS, ROUNDS, FEWEST = 25, 16, 4, 12


def long_axis(surface: SurfacePoints) -> Line:
    """The direction in which a surface is longest, through its centre; its sense is arbitrary."""
    middle = surface.points_mm.mean(axis=0)
    own = surface.points_mm - middle
    return Line(middle, np.asarray(np.linalg.eigh(own.T @ own)[1][:, -1]))


def shaft_axis(surface: SurfacePoints, start: Line, reach: tuple[float, float]) -> Line:
    """The line through the centres of 25 cross-sections, with the sense of `start`.

    `reach` is the part of the bone's length along `start` between which the sections lie, from 0
    at its low end to 1. The centre of a section is that of its outline. The sections are made
    perpendicular to the line again, four times.
    """
    line = start
    for _ in range(ROUNDS):
        along = (surface.points_mm - line.point_mm) @ line.direction
        low, length = float(along.min()), float(np.ptp(along))
        edges = low + length * np.linspace(*reach, SECTIONS + 1)
        section = np.digitize(along, edges)
        centres = [
            _centre(surface.points_mm[section == one], line) for one in range(1, SECTIONS + 1)
        ]
        line = fitted_line(np.array([one for one in centres if one is not None]), line.direction)
    return line


def _centre(points_mm: FloatArray, line: Line) -> FloatArray | None:
    """The mean of a section's outline, each sector about the line counting once; None for few."""
    out = points_mm - line.point_mm
    first = unit(across(np.eye(3)[np.argmin(np.abs(line.direction))], line.direction))
    angle = np.arctan2(out @ np.cross(line.direction, first), out @ first) + np.pi
    sector = (angle / (2 * np.pi) * SECTORS).astype(int) % SECTORS
    count = np.bincount(sector, minlength=SECTORS)
    if np.count_nonzero(count) < FEWEST:
        return None
    sums = np.stack([np.bincount(sector, column, SECTORS) for column in points_mm.T], axis=1)
    return np.asarray((sums[count > 0] / count[count > 0, None]).mean(axis=0))


def fitted_line(points_mm: FloatArray, sense: FloatArray) -> Line:
    """The line with the least squared distances to points (N, 3), N ≥ 2, that points as `sense`."""
    middle = points_mm.mean(axis=0)
    direction = np.linalg.svd(points_mm - middle, full_matrices=False)[2][0]
    return Line(middle, np.asarray(direction * (1.0 if direction @ sense >= 0 else -1.0)))
