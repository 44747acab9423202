import numpy as np
import pytest
from vtkmodules.vtkFiltersSources import vtkSphereSource

from afunet.formats.polydata import from_polydata
from afunet.geometry import Mesh
from afunet.phantom.shapes.distance import Box, grid_of_implicit
from afunet.phantom.skeleton.bones import Bone
from afunet.phantom.skeleton.hip import Sphere, femoral_head, socket_centre
from afunet.phantom.skeleton.joints import carved


def ball(name: str, x: float, radius: float) -> Bone:
    def distance(points: np.ndarray) -> np.ndarray:
        return np.linalg.norm(points - [x, 0, 0], axis=-1) - radius

    box = Box((x - 16, -16, -16), (x + 16, 16, 16))
    return Bone(name, grid_of_implicit(distance, 1.0, box), np.eye(4), (-radius, radius))


def shell(centre: tuple[float, float, float], radius: float) -> Mesh:
    source = vtkSphereSource()
    source.SetCenter(*centre)
    source.SetRadius(radius)
    source.SetThetaResolution(40)
    source.SetPhiResolution(40)
    source.Update()
    return from_polydata(source.GetOutput())


def test_of_two_overlapping_bones_the_patella_gives_way_to_the_femur() -> None:
    patella, femur = ball("patella left", 0.0, 8.0), ball("femur left", 12.0, 8.0)
    kept = carved([patella, femur], gap_mm=2.0)
    assert [bone.name for bone in kept] == ["patella left", "femur left"]
    assert np.array_equal(kept[1].surface.values, femur.surface.values)
    # The femur's side is at x = 4, so 2 mm before it the patella ends.
    points = np.array([[1.0, 0, 0], [3.0, 0, 0], [-7.0, 0, 0]])
    assert kept[0].distance_mm(points) == pytest.approx([-1.0, 1.0, -1.0], abs=0.1)


def test_bones_apart_are_left_alone() -> None:
    patella, femur = ball("patella left", 0.0, 5.0), ball("femur left", 30.0, 5.0)
    for before, after in zip([patella, femur], carved([patella, femur], 2.0), strict=True):
        assert np.array_equal(before.surface.values, after.surface.values)


def test_a_ball_shaped_head_is_found_on_either_side() -> None:
    for outward in (1.0, -1.0):
        head = femoral_head(shell((5.0, 6.0, 7.0), 23.0), outward)
        assert head.centre_mm == pytest.approx([5.0, 6.0, 7.0], abs=0.2)
        assert head.radius_mm == pytest.approx(23.0, abs=0.2)


def test_the_socket_is_where_the_pelvis_closes_round_the_head() -> None:
    socket = shell((1.0, 2.0, -3.0), 26.0)
    head = Sphere(np.array([9.0, -4.0, 5.0]), 23.0)
    assert socket_centre(socket, head, 1.0) == pytest.approx([1.0, 2.0, -3.0], abs=2.0)


def test_a_socket_far_from_the_head_is_found_all_the_same() -> None:
    head = Sphere(np.zeros(3), 20.0)
    socket = shell((30.0, 4.0, -8.0), 23.0)
    assert np.allclose(socket_centre(socket, head, gap_mm=2.0), (30.0, 4.0, -8.0), atol=1.5)
