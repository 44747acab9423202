import numpy as np
import pytest
import trimesh

from afunet.geometry import Mesh
from afunet.landmarks.spheres import fitted_sphere, found_spheres
from afunet.reconstruction.surface_points import points_on


def test_four_points_give_the_sphere_through_them() -> None:
    points = np.array([[5.0, 0, 0], [-3, 0, 0], [1, 4, 0], [1, 0, 4]])
    centre, radius = fitted_sphere(points)
    assert np.allclose(centre, (1, 0, 0), atol=1e-6)
    assert radius == pytest.approx(4)


def _mesh(solid: trimesh.Trimesh) -> Mesh:
    return Mesh(solid.vertices, solid.faces)


def test_a_ball_on_a_stick_is_found_and_the_stick_does_not_pull_at_it() -> None:
    ball = trimesh.creation.icosphere(subdivisions=4, radius=20.0)
    stick = trimesh.creation.cylinder(radius=12.0, height=160.0, sections=48)
    stick.apply_translation((0, 0, -90))
    both = _mesh(trimesh.util.concatenate([ball, stick]))
    move = trimesh.transformations.rotation_matrix(1.0, (1, 2, 3)) @ np.diag([1.0, 1, 1, 1])
    move[:3, 3] = (50, -20, 300)
    (found,) = found_spheres(points_on(both.transformed(move), 20_000), (10, 35))
    assert np.linalg.norm(found.centre_mm - (50, -20, 300)) < 0.1
    assert found.radius_mm == pytest.approx(20, abs=0.1)
    assert found.covered > 0.9


def test_sockets_are_found_only_where_hollow_ones_are_asked_for() -> None:
    bowl = trimesh.creation.icosphere(subdivisions=4, radius=25.0)
    bowl.invert()
    shell = _mesh(bowl)
    surface = points_on(shell, 10_000)
    (found,) = found_spheres(surface, (15, 36), hollow=True)
    assert found.radius_mm == pytest.approx(25, abs=0.1)
    assert found_spheres(surface, (15, 36)) == []
