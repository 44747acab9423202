"""Holes counted on solids whose holes are known."""

import numpy as np
import pytest
from scipy import ndimage
from skimage.measure import euler_number

from afunet.evaluation.topology import Topology, topology
from afunet.geometry import Mesh, Volume
from afunet.reconstruction import surface
from afunet.reconstruction.surface import raw_surface

GRID = np.stack(np.meshgrid(*[np.arange(-14.5, 15.0)] * 3, indexing="ij"))


def surface_of(solid: np.ndarray) -> Mesh:
    return raw_surface(Volume(solid.astype(np.uint8), np.diag([0.6, 0.8, 2.0, 1.0])))


def ball(radius: float) -> np.ndarray:
    return np.linalg.norm(GRID, axis=0) <= radius


def ring(shift: float = 0.0) -> np.ndarray:
    z, y, x = GRID
    return (np.hypot(y, x + shift) - 6.0) ** 2 + z**2 <= 2.5**2


def closed(bodies: int, cavities: int = 0, handles: int = 0) -> Topology:
    return Topology(bodies, cavities, handles, open_parts=0, open_edges=0)


def test_a_ball_is_a_body_without_holes():
    assert topology(surface_of(ball(10))) == closed(1)


def test_a_ring_has_a_handle():
    assert topology(surface_of(ring())) == closed(1, handles=1)


def test_a_hollow_ball_has_a_cavity():
    assert topology(surface_of(ball(10) & ~ball(5))) == closed(1, cavities=1)


def test_a_hole_drilled_into_a_hollow_opens_it():
    z, y, x = GRID
    drilled = ball(10) & ~ball(5) & ~((np.hypot(y, x) < 2) & (z > 0))
    assert topology(surface_of(drilled)) == closed(1)
    through = ball(10) & ~(np.hypot(y, x) < 2)
    assert topology(surface_of(through)) == closed(1, handles=1)


def test_two_rings_side_by_side_and_grown_together():
    apart = np.concatenate([ring(), ring()], axis=2)
    assert topology(surface_of(apart)) == closed(2, handles=2)
    assert topology(surface_of(ring(6) | ring(-6))) == closed(1, handles=2)


def test_a_ring_shaped_cavity_has_the_handle_of_its_surface():
    assert topology(surface_of(ball(13) & ~ring())) == closed(1, cavities=1, handles=1)


@pytest.mark.parametrize("second", [(1, 2, 2), (2, 2, 2)])
def test_voxels_that_share_an_edge_or_a_corner_only_are_two_bodies(second):
    solid = np.zeros((4, 4, 4))
    solid[1, 1, 1] = solid[second] = 1
    assert topology(surface_of(solid)) == closed(2)


def test_voxels_that_share_a_face_are_one_body():
    solid = np.zeros((4, 4, 4))
    solid[1, 1, 1:3] = 1
    assert topology(surface_of(solid)) == closed(1)


def test_smoothing_moves_points_and_keeps_holes():
    volume = Volume(ring().astype(np.uint8), np.eye(4))
    assert topology(surface(volume)) == topology(raw_surface(volume))


def test_a_surface_with_a_face_missing_is_open():
    whole = surface_of(ball(8))
    torn = Mesh(whole.vertices_mm, whole.faces[1:])
    assert topology(torn) == Topology(0, 0, 0, open_parts=1, open_edges=3)


def test_vertices_that_no_face_uses_do_not_count():
    whole = surface_of(ring())
    with_more = Mesh(np.concatenate([whole.vertices_mm, np.ones((5, 3))]), whole.faces)
    assert topology(with_more) == closed(1, handles=1)


def test_nothing_has_no_holes():
    assert topology(surface_of(np.zeros((2, 2, 2)))) == closed(0)


@pytest.mark.parametrize("seed", [0, 1, 2, 8])
def test_voxels_have_as_many_holes_as_their_surface(seed):
    """bodies − handles + cavities is the Euler number of the solid (scikit-image counts voxels).

    Bone hangs together by faces of voxels in both. Background that touches across a corner only is
    one for scikit-image and two for the surface: such corners, in seeds 2 and 8, differ by one.
    """
    noise = np.random.default_rng(seed).standard_normal((40, 40, 40))
    solid = np.pad(ndimage.gaussian_filter(noise, 3.0) > 0.01, 1)
    found = topology(surface_of(solid))
    assert found.handles > 0
    expected = euler_number(solid, connectivity=1) + corners_between(~solid)
    assert found.bodies + found.cavities - found.handles == expected
    assert found.bodies == ndimage.label(solid)[1]


def corners_between(voxels: np.ndarray) -> int:
    """Cubes of 2 × 2 × 2 voxels of which two, at opposite corners, are set."""
    cubes = np.lib.stride_tricks.sliding_window_view(voxels, (2, 2, 2)).reshape(-1, 8)
    opposite = cubes & cubes[:, ::-1]
    return int(((cubes.sum(axis=1) == 2) & (opposite.sum(axis=1) == 2)).sum())
