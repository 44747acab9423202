"""The surface of a simulated leg lies where the exact surface lies, on crooked grids too."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from afunet.formats.mesh_files import read_mesh, write_stl
from afunet.phantom import Grid, LegConfig, Scanner, axial_grid, grid_of, simulate
from afunet.reconstruction import surface

SHAPE = (22, 90, 80)
CENTRE_MM = np.array([95.0, 8.0, 20.0])


def oblique_grid() -> Grid:
    """1.2 × 1.3 × 3 mm voxels about the femur's end, turned about all three axes, mirrored."""
    turn = Rotation.from_euler("xyz", [12, -8, 20], degrees=True).as_matrix()
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([1.2, 1.3, -3.0])
    affine[:3, 3] = CENTRE_MM - affine[:3, :3] @ ((np.array(SHAPE)[::-1] - 1) / 2)
    return grid_of(affine, SHAPE)


@pytest.mark.parametrize(
    "grid",
    [axial_grid(SHAPE, 1.2, 3.0, tuple(CENTRE_MM)), oblique_grid()],
    ids=["axial", "oblique"],
)
def test_the_stl_lies_within_half_a_voxel_of_the_exact_surface(grid: Grid, tmp_path: Path) -> None:
    leg = simulate(LegConfig(grid=grid, scanner=Scanner(thickness_mm=1.0)))
    truth = leg.bones.foreground()
    write_stl(surface(truth), tmp_path / "bone.stl")
    mesh = read_mesh(tmp_path / "bone.stl")
    # Where the scan's edge cuts the bone, the surface closes it: no exact surface lies there.
    indices = truth.to_indices(mesh.vertices_mm)
    last = np.array(truth.shape)[::-1] - 1
    inner = np.all((indices > 1) & (indices < last - 1), axis=1)
    assert inner.sum() > 1000
    distance_mm = np.abs(leg.signed_distance_mm(mesh.vertices_mm[inner]))
    assert distance_mm.mean() < 0.5 * truth.spacing_mm.min()
    assert np.percentile(distance_mm, 95) < truth.spacing_mm.max()
