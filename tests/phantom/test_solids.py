"""Which voxels lie in a solid."""

import numpy as np
import pytest

from afunet.geometry import Mesh
from afunet.phantom.shapes.capsules import Capsule
from afunet.phantom.shapes.solids import CapsuleSolid, MeshSolid

GRID = (np.array([-20.0, -20.0, -20.0]), np.array([1.0, 1.0, 2.0]), np.array([41, 41, 21]))


def cube(half: float) -> Mesh:
    """A closed cube about (0, 0, 0)."""
    corners = np.array([[x, y, z] for z in (-1, 1) for y in (-1, 1) for x in (-1, 1)]) * half
    quads = [(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5)]
    faces = [face for a, b, c, d in quads for face in ((a, b, c), (a, c, d))]
    return Mesh(corners, np.array(faces))


def volume_mm3(inside: np.ndarray) -> float:
    return float(inside.sum() * GRID[1].prod())


def test_a_surface_holds_what_it_encloses_on_voxels_that_are_not_cubes() -> None:
    inside = MeshSolid(cube(10.5)).inside(*GRID)
    assert inside.shape == (21, 41, 41)
    assert volume_mm3(inside) == pytest.approx(21**2 * 22)
    z, y, x = np.argwhere(inside).mean(axis=0)
    assert (x, y, z) == (20, 20, 10)


def test_a_broken_surface_is_two_parts_with_a_gap_and_loses_little() -> None:
    whole = MeshSolid(cube(10.5))
    broken = whole.broken(np.random.default_rng(3))
    inside = broken.inside(*GRID)
    assert 0 < volume_mm3(inside) < 1.1 * volume_mm3(whole.inside(*GRID))
    low, high = broken.bounds_mm()
    held = np.argwhere(inside)[:, ::-1] * GRID[1] + GRID[0]
    assert (held > low - 1e-6).all()
    assert (held < high + 1e-6).all()


def test_a_capsule_with_a_wall_is_hollow() -> None:
    ball = Capsule(np.zeros(3), np.zeros(3), 15.0)
    full = CapsuleSolid([ball]).inside(*GRID)
    shell = CapsuleSolid([ball], wall_mm=4.0).inside(*GRID)
    assert volume_mm3(full) == pytest.approx(4 / 3 * np.pi * 15**3, rel=0.02)
    assert volume_mm3(shell) == pytest.approx(4 / 3 * np.pi * (15**3 - 11**3), rel=0.05)
    assert not shell[10, 20, 20]


def test_moved_solids_lie_where_they_are_moved_to() -> None:
    move = np.eye(4)
    move[:3, 3] = (3.0, -4.0, 6.0)
    for solid in (MeshSolid(cube(5)), CapsuleSolid([Capsule(np.zeros(3), np.ones(3), 5.0)])):
        before, after = solid.bounds_mm(), solid.transformed(move).bounds_mm()
        assert np.allclose(np.subtract(after, before), move[:3, 3])
