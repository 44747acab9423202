"""The hip joint: finding the femoral head and its socket."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree

from afunet.geometry import Mesh
from afunet.phantom.shapes.arrays import FloatArray, IntArray

# The search for a femoral head starts at the top of the bone with a ball of adult size. Vertices
# near the ball that face inward and up belong to the head, not the neck; a few rounds converge.
_TOP_MM, _HEAD_MM, _UPWARD, _NEAR, _ROUNDS, _FEWEST = 60, 22.0, 0.6, (0.7, 1.3), 4, 20
_SEARCH_MM, _STEPS = 18.0, 9
_FAR_SEARCH_MM, _FAR_STEPS = 45.0, 21
_SHELL_MM = 4.0
_SEATED = 1000.0
"""Vertices around a head in its socket, in subdivided LLP26 shapes; a wrong place has below 900."""


@dataclass(frozen=True, eq=False)
class Sphere:
    """A sphere with its centre (3,) and radius."""

    centre_mm: FloatArray
    radius_mm: float


def femoral_head(femur: Mesh, outward: float) -> Sphere:
    """The sphere through the upper inner end of a femur; `outward` is +1 left, -1 right."""
    vertices = femur.vertices_mm
    top = vertices[vertices[:, 2] > vertices[:, 2].max() - _TOP_MM]
    pole = top[(outward * top[:, 0]).argmin()]
    head = Sphere(pole + np.array([outward * _HEAD_MM, 0.0, 0.0]), _HEAD_MM)
    for _ in range(_ROUNDS):
        offset = vertices - head.centre_mm
        length = np.linalg.norm(offset, axis=1)
        inner = offset @ np.array([-outward, 0.0, _UPWARD]) > 0
        near = (length > _NEAR[0] * head.radius_mm) & (length < _NEAR[1] * head.radius_mm) & inner
        if near.sum() < _FEWEST:
            break
        head = _through(vertices[near])
    return head


def socket_centre(pelvis: Mesh, head: Sphere, gap_mm: float) -> FloatArray:
    """The place near the head where a ball of its size fits best into the pelvis.

    Pelvis vertices up to 4 mm outside the ball count once for a place, vertices inside it twice
    against it.
    """
    centre, score = _searched(pelvis, head, gap_mm, _SEARCH_MM, _STEPS)
    if score < _SEATED:
        far, far_score = _searched(pelvis, head, gap_mm, _FAR_SEARCH_MM, _FAR_STEPS)
        centre = far if far_score > score else centre
    return centre


def _searched(
    pelvis: Mesh, head: Sphere, gap_mm: float, reach: float, count: int
) -> tuple[FloatArray, float]:
    """The best place up to `reach` away in x, y and z, in `count` steps each, and its fit."""
    away = np.linalg.norm(pelvis.vertices_mm - head.centre_mm, axis=1)
    near = pelvis.vertices_mm[away < head.radius_mm + 2 * reach]
    centre, best = head.centre_mm, -np.inf
    while reach > 0.5:
        steps = np.linspace(-reach, reach, count)
        offsets = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
        # A sixth of the vertices is enough for the coarse search over many places.
        some = near[::6] if count > _STEPS else near
        scores = _fits(some, centre + offsets, head.radius_mm + gap_mm)
        centre, best = centre + offsets[int(np.argmax(scores))], float(scores.max())
        reach, count = reach / 3, _STEPS
    return np.asarray(centre, dtype=np.float64), best


def _fits(vertices: FloatArray, centres: FloatArray, radius_mm: float) -> IntArray:
    """The number of vertices just outside a ball at each centre, minus twice those inside."""
    tree = KDTree(vertices)
    inside, reached = (
        tree.query_ball_point(centres, radius, return_length=True)
        for radius in (radius_mm, radius_mm + _SHELL_MM)
    )
    return np.asarray(reached - 3 * inside)


def _through(points: FloatArray) -> Sphere:
    """Least-squares sphere: |p|² = 2 c·p + (r² - |c|²)."""
    design = np.column_stack([2 * points, np.ones(len(points))])
    solution, *_ = np.linalg.lstsq(design, (points**2).sum(axis=1), rcond=None)
    centre = solution[:3]
    return Sphere(centre, float(np.sqrt(solution[3] + centre @ centre)))
