"""Lumbar vertebrae as smooth implicit functions, stacked on a sacrum."""

from __future__ import annotations

import numpy as np

from afunet.geometry import Mesh
from afunet.phantom.shapes.arrays import FloatArray, Points
from afunet.phantom.shapes.implicit import smooth_cut, smooth_union

VERTEBRA_BOX_MM = ((-50.0, -26.0, -26.0), (50.0, 66.0, 24.0))
"""Corners of a box around a vertebra in its own frame, adult size."""

STEP_MM = 37.0
"""Distance between the middles of neighbouring vertebrae, including the disc."""


def vertebra(points: Points) -> Points:
    """Approximate signed distance (...) at points (..., 3); origin in the body's middle, LPS."""
    x, y, z = np.abs(points[..., 0]), points[..., 1], points[..., 2]
    bone = smooth_union(_body(x, y, z), _arch(x, y, z), 4.0)
    bone = smooth_union(bone, _processes(x, y, z), 3.0)
    canal = np.hypot(x / 1.25, y - 24) - 9.0
    return smooth_cut(bone, canal, 2.0)


def base_of_spine(pelvis: Mesh) -> FloatArray:
    """The middle (3,) of the sacrum's upper end plate, for a pelvis with its middle at x = 0."""
    vertices = pelvis.vertices_mm
    middle = vertices[np.abs(vertices[:, 0]) < 12]
    top = middle[middle[:, 2] > middle[:, 2].max() - 12]
    return np.array([0.0, float(top[:, 1].mean()), float(top[:, 2].max())])


def _body(x: Points, y: Points, z: Points) -> Points:
    waist = 1.5 * np.cos(np.clip(z / 13.5, -1, 1) * np.pi / 2)
    notch = 3.0 * np.exp(-((x / 9) ** 2)) * (y > 0)
    round_mm = np.hypot(x / 23, (y + notch) / 16.5) - 1
    side = round_mm * 16.5 + waist
    hollow = 2.0 * np.exp(-((x / 14) ** 2) - (y / 10) ** 2)
    return smooth_cut(side, -(np.abs(z) - 13.5 + hollow), 2.0)


def _arch(x: Points, y: Points, z: Points) -> Points:
    """Pedicles and laminae: a ring around the canal, cut to the height of each."""
    ring = np.abs(np.hypot(x / 1.25, y - 24) - 12.0) - 3.2
    middle = np.where(y < 24, 5.0, -4.0)
    return np.asarray(np.maximum(ring, np.abs(z - middle) - np.where(y < 24, 7.0, 9.0)))


def _processes(x: Points, y: Points, z: Points) -> Points:
    spinous = np.maximum(np.hypot(x / 3.2, (y - 47) / 16) * 3.2 - 3.2, np.abs(z + 8) - 9)
    tips = np.hypot((y - 24 - 0.1 * x) / 3.5, (z - 3) / 5.5) * 3.5 - 3.5
    transverse = np.maximum(tips, np.maximum(x - 44, 12 - x))
    facets = np.hypot((x - 17) / 7, (y - 34) / 6) * 6 - 6
    facets = np.maximum(facets, np.abs(z + 2) - 19)
    return np.asarray(np.minimum(np.minimum(spinous, transverse), facets))
