"""Few triangles for pictures, from surfaces smooth and rough."""

import subprocess
import sys

import numpy as np
import pytest

from afunet.geometry import Mesh, Volume
from afunet.reconstruction import surface
from afunet.reconstruction.deviation import deviation
from afunet.report.surfaces.coloured_mesh import ColouredMesh
from afunet.report.surfaces.preview import previews


def ball(radius: int = 20) -> Mesh:
    places = np.indices((2 * radius + 3,) * 3) - radius - 1
    return surface(Volume((places**2).sum(axis=0) <= radius**2, np.eye(4)))


def noise(share: float) -> Mesh:
    return surface(Volume(np.random.default_rng(0).random((20, 20, 20)) < share, np.eye(4)))


def triangles(coloured: list[ColouredMesh]) -> int:
    return sum(len(one.mesh.faces) for one in coloured)


def test_a_smooth_surface_keeps_its_shape_its_name_and_its_colour() -> None:
    full = ColouredMesh(ball(), "left femur", (1, 2, 3))
    (small,) = previews([full], 2000)
    assert (small.name, small.colour) == ("left femur", (1, 2, 3))
    assert len(full.mesh.faces) > 4 * 2000
    assert 1900 < len(small.mesh.faces) <= 2000
    assert small.mesh.open_edges == 0
    apart = deviation(small.mesh, full.mesh)
    assert apart.p95_mm < 0.1
    assert abs(apart.volume_change) < 0.002


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.95])
@pytest.mark.parametrize("most", [2000, 100])
def test_a_rough_surface_has_no_more_triangles_than_a_smooth_one(share: float, most: int) -> None:
    rough = noise(share)
    assert len(rough.faces) > 1.5 * most
    assert 0.9 * most < triangles(previews([ColouredMesh(rough)], most)) <= most


def test_the_bound_is_for_all_together_and_none_is_lost() -> None:
    sizes = (20, 10, 1, 1)
    found = previews([ColouredMesh(ball(size)) for size in sizes], 1000)
    assert triangles(found) <= 1000 + 4 * len(sizes)
    counts = [len(one.mesh.faces) for one in found]
    assert counts[0] > 2 * counts[1] > 0
    assert min(counts) >= 4


def test_surfaces_within_the_bound_are_not_touched() -> None:
    meshes = [ColouredMesh(ball(2)), ColouredMesh(ball(3))]
    most = triangles(meshes)
    assert [one.mesh for one in previews(meshes, most)] == [one.mesh for one in meshes]
    assert previews([], 100) == []


def test_the_child_that_draws_does_not_wait_for_scipy() -> None:
    listed = "import sys, afunet.report.surfaces.vtk_child; print('scipy' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", listed], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
