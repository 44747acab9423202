import numpy as np
import pytest
import trimesh

from afunet.geometry import Mesh
from afunet.landmarks.cuts import largest_flat_mm2
from afunet.landmarks.extremes import extreme, widest_pair
from afunet.landmarks.frame import Frame
from afunet.landmarks.shaft import fitted_line, long_axis, shaft_axis
from afunet.landmarks.vectors import angle_deg, turn_deg
from afunet.reconstruction.surface_points import points_on

X, Y, Z = np.eye(3)


def test_a_turn_is_right_handed_about_its_axis_and_ignores_what_lies_along_it() -> None:
    assert turn_deg(X, Y + 5 * Z, Z) == pytest.approx(90)
    assert turn_deg(Y, X, Z) == pytest.approx(-90)
    assert angle_deg(X, X + Y) == pytest.approx(45)


def test_a_frame_goes_there_and_back_and_points_up_exactly() -> None:
    frame = Frame.of(np.array([1.0, 2, 3]), Z * 4, X + Z)
    assert np.allclose(frame.axes, np.eye(3))
    assert np.allclose(frame.own(np.array([2.0, 2, 3])), X)
    assert np.allclose(frame.back(frame.own(np.array([7.0, 8, 9]))), (7, 8, 9))


def test_the_axis_of_a_slanting_cylinder_is_found() -> None:
    rod = trimesh.creation.cylinder(radius=12.0, height=300.0, sections=64)
    move = trimesh.transformations.rotation_matrix(0.7, (1, 1, 0))
    surface = points_on(Mesh(rod.vertices, rod.faces).transformed(move), 20_000)
    line = shaft_axis(surface, long_axis(surface), (0.3, 0.7))
    off = angle_deg(line.direction, move[:3, :3] @ Z)
    assert min(off, 180 - off) < 0.2


def test_a_line_has_the_sense_that_is_asked_for() -> None:
    points = np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0]])
    assert np.allclose(fitted_line(points, -X).direction, -X)


def test_the_extreme_of_a_box_is_the_middle_of_a_patch_on_the_plane_that_touches() -> None:
    points = np.array([[0.0, 0, 5], [2, 0, 5], [0, 0, -5], [0, 0, 4]])
    assert np.allclose(extreme(points, Z), (1, 0, 5))


def test_the_widest_pair_of_a_turned_ellipsoid_lies_on_its_long_axis() -> None:
    ball = trimesh.creation.icosphere(subdivisions=5).vertices * (40.0, 20.0, 20.0)
    turned = ball @ trimesh.transformations.rotation_matrix(0.3, Z)[:3, :3].T
    first, second = widest_pair(turned[turned[:, 0] > 0], turned[turned[:, 0] < 0], X)
    assert turn_deg(X, first - second, Z) == pytest.approx(np.degrees(0.3), abs=1)


def test_a_flat_cut_counts_with_its_area_and_a_ball_has_none() -> None:
    box = trimesh.creation.box((30, 40, 100))
    for _ in range(4):
        box = box.subdivide()
    # The largest side has 4,000 mm²; 35 × 87.5 mm of it lie beyond the triangles at its edges,
    # whose normals turn.
    flat_mm2 = largest_flat_mm2(points_on(Mesh(box.vertices, box.faces), 20_000))
    assert 35 * 87.5 < flat_mm2 < 4_000
    ball = trimesh.creation.icosphere(subdivisions=4, radius=25)
    assert largest_flat_mm2(points_on(Mesh(ball.vertices, ball.faces), 20_000)) < 150
