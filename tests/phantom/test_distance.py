import numpy as np
import pytest
from tests.refusals import refused
from vtkmodules.vtkFiltersSources import vtkSphereSource

from afunet.errors import GeometryError
from afunet.formats.polydata import from_polydata
from afunet.geometry import Mesh
from afunet.phantom.shapes.distance import Box, DistanceGrid, grid_of_implicit, grid_of_mesh

RADIUS_MM = 10.0


def sphere() -> Mesh:
    source = vtkSphereSource()
    source.SetRadius(RADIUS_MM)
    source.SetThetaResolution(120)
    source.SetPhiResolution(60)
    source.Update()
    return from_polydata(source.GetOutput())


def of_mesh() -> DistanceGrid:
    return grid_of_mesh(sphere(), 0.7, Box((-17, -17, -17), (17, 17, 17)))


def of_implicit() -> DistanceGrid:
    # Not a distance: its slope is 20 at the surface.
    return grid_of_implicit(
        lambda points: (points**2).sum(axis=-1) - RADIUS_MM**2,
        0.7,
        Box((-17, -17, -17), (17, 17, 17)),
    )


@pytest.mark.parametrize("make", [of_mesh, of_implicit])
def test_distances_to_a_sphere_are_right_in_all_directions(make) -> None:
    grid = make()
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((3000, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    for length, tolerance in [(9.5, 0.06), (10.0, 0.03), (10.5, 0.06), (5.0, 0.7), (15.0, 0.7)]:
        error = grid.distance_mm(directions * length) - (length - RADIUS_MM)
        assert np.abs(error).max() < tolerance
        assert abs(error.mean()) < tolerance / 2


def test_beyond_the_grid_distances_grow_with_the_way_to_it() -> None:
    grid = of_mesh()
    edge, beyond = grid.distance_mm(np.array([[0.0, 0.0, 17.0], [0.0, 0.0, 57.0]]))
    assert beyond - edge == pytest.approx(40.0, abs=0.7)


def test_a_grid_that_sees_nothing_of_the_bone_is_empty() -> None:
    assert grid_of_mesh(sphere(), 1.0, Box((20, 20, 20), (25, 25, 25))).is_empty
    assert not of_mesh().is_empty


def test_a_grid_within_the_bone_is_inside_everywhere() -> None:
    grid = grid_of_mesh(sphere(), 1.0, Box((-3, -3, -3), (3, 3, 3)))
    assert (grid.values < 0).all()


def test_an_open_mesh_is_refused_with_its_number_of_open_edges() -> None:
    ball = sphere()
    with refused(GeometryError, "NOT_WATERTIGHT", 3):
        grid_of_mesh(Mesh(ball.vertices_mm, ball.faces[1:]), 1.0, Box((-1,) * 3, (1,) * 3))


def test_boxes_that_do_not_meet_have_no_intersection() -> None:
    assert Box((0, 0, 0), (1, 1, 1)).intersection(Box((2, 0, 0), (3, 1, 1))) is None
    shared = Box((0, 0, 0), (2, 2, 2)).intersection(Box((1, -1, 0), (3, 1, 1)))
    assert shared == Box((1, 0, 0), (2, 1, 1))
