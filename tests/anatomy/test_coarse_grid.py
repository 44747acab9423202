"""Coarse grids along the patient's axes, from label volumes of any grid."""

import numpy as np
import pytest

from afunet.anatomy.coarse_grid import CoarseGrid, LabelSampling
from afunet.geometry import Volume


def oblique(spacing: tuple[float, float, float], degrees: float = 25.0) -> np.ndarray:
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    affine = np.eye(4)
    affine[:3, :3] = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1.0]]) * spacing
    affine[:3, 3] = (-40, 12, 300)
    return affine


@pytest.mark.parametrize("spacing", [(0.7, 0.7, 0.7), (0.6, 0.6, 5.0), (4.0, 2.0, 1.0)])
def test_points_stand_for_the_volume_of_the_labels_and_lie_in_them(
    spacing: tuple[float, float, float],
) -> None:
    shape = [max(4, round(60 / step)) for step in spacing[::-1]]
    voxels = np.zeros(shape, np.uint8)
    voxels[1:-1, 1:-1, 1 : shape[2] // 2] = 1
    voxels[1:-1, 1:-1, shape[2] // 2 : -1] = 2
    labels = Volume(voxels, oblique(spacing))
    sampling = LabelSampling.of(labels, 6.0)
    assert sampling is not None
    low, high = sampling.bounds_mm()
    total = {1: 0, 2: 0}
    for points in sampling.points():
        assert (points.mm >= low).all()
        assert (points.mm <= high).all()
        nearest = np.rint(labels.to_indices(points.mm)).astype(int)
        found = voxels[nearest[:, 2], nearest[:, 1], nearest[:, 0]]
        assert (found == points.labels).mean() > 0.999  # but for rounding at a voxel's face
        for label in total:
            total[label] += int((points.labels == label).sum())
    for label, count in total.items():
        exact = (voxels == label).sum() * labels.voxel_volume_mm3
        assert count * sampling.point_mm3 == pytest.approx(exact, rel=0.12)


def test_a_solid_block_fills_the_coarse_voxels_inside_it() -> None:
    voxels = np.zeros((30, 40, 40), np.uint8)
    voxels[5:25, 5:35, 5:35] = 1
    labels = Volume(voxels, np.diag([1.0, 1.0, 2.0, 1.0]))
    sampling = LabelSampling.of(labels, 6.0)
    assert sampling is not None
    grid = CoarseGrid.around(*sampling.bounds_mm(), 6.0)
    assert grid.shape == (7 + 17, 5 + 17, 5 + 17)
    cells = np.concatenate([grid.cells(points.mm) for points in sampling.points()])
    full = grid.filled(cells, sampling.point_mm3)
    centres = grid.centres_mm()
    indices = labels.to_indices(centres)
    inside = ((indices > (8, 8, 7)) & (indices < (32, 32, 22))).all(axis=-1)
    outside = ((indices < (1, 1, 2)) | (indices > (39, 39, 28))).any(axis=-1)
    assert inside.sum() > 20
    assert full[inside].min() > 0.8
    assert full[outside].max() == 0
    assert full.sum() * 6.0**3 == pytest.approx(20 * 30 * 30 * 2, rel=0.1)


def test_an_empty_label_volume_has_nothing_to_sample() -> None:
    assert LabelSampling.of(Volume(np.zeros((3, 4, 5), np.uint8), np.eye(4)), 6.0) is None
