"""Measures of pieces worked out by hand."""

import numpy as np
import pytest
from tests.refusals import refused

from afunet.errors import GeometryError
from afunet.geometry import Volume
from afunet.reconstruction import Smoothing, surface
from afunet.reconstruction.measures import Gap, measure, nearest_gaps


def labelled(turn=None):
    voxels = np.zeros((20, 30, 40), dtype=np.uint8)
    voxels[2:18, 4:8, 4:8] = 1  # 16 slices of 2 mm, 4 × 4 pixels of 0.5 mm
    voxels[5, 20, 10:34] = 3  # 24 pixels of 0.5 mm along the row
    affine = np.diag([0.5, 0.5, 2.0, 1.0])
    if turn is not None:
        affine[:3, :3] = turn @ affine[:3, :3]
    return Volume(voxels, affine)


def test_size_and_place_in_millimetres():
    block, rod = measure(labelled())
    assert (block.label, rod.label) == (1, 3)
    assert block.volume_mm3 == pytest.approx(16 * 16 * 0.5)
    np.testing.assert_allclose(block.lowest_mm, (2.0, 2.0, 4.0))
    np.testing.assert_allclose(block.highest_mm, (3.5, 3.5, 34.0))
    np.testing.assert_allclose(block.centre_mm, (2.75, 2.75, 19.0))
    np.testing.assert_allclose(np.abs(block.axes[0]), (0, 0, 1), atol=1e-9)
    assert block.length_mm == pytest.approx(32.0)
    np.testing.assert_allclose(rod.axes[0], (1, 0, 0), atol=1e-9)
    assert rod.length_mm == pytest.approx(12.0)


def test_lengths_do_not_change_when_the_patient_is_turned():
    angle = np.deg2rad(33)
    turn = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    turned, straight = measure(labelled(turn))[1], measure(labelled())[1]
    # A voxel turned in its plane is wider along the rod by at most its own size.
    assert straight.length_mm <= turned.length_mm + 1e-6 < straight.length_mm + 0.5
    np.testing.assert_allclose(turned.axes[0], turn[:, 0], atol=1e-9)


def test_density_is_that_of_the_scan_within_the_piece():
    labels = labelled()
    hu = np.full(labels.shape, -1000, dtype=np.int16)
    hu[labels.voxels == 3] = np.arange(24) * 100
    density = measure(labels, labels.with_voxels(hu))[1]
    assert (density.mean_hu, density.low_hu, density.high_hu) == pytest.approx((1150, 230, 2070))
    assert measure(labels)[0].mean_hu is None


def test_a_scan_on_another_grid_is_refused():
    with refused(GeometryError, "OTHER_GRID"):
        measure(labelled(), Volume(np.zeros((2, 2, 2)), np.eye(4)))


def test_gaps_are_the_distance_of_the_nearest_surface():
    voxels = np.zeros((30, 12, 12), dtype=np.uint8)
    voxels[1:6, 3:9, 3:9], voxels[9:14, 3:9, 3:9], voxels[24:29, 3:9, 3:9] = 1, 2, 3
    volume = Volume(voxels, np.eye(4))
    raw = Smoothing(iterations=0)
    surfaces = [
        (label, surface(volume.with_voxels(voxels == label), smoothing=raw)) for label in (1, 2, 3)
    ]
    gaps = nearest_gaps(surfaces)
    assert gaps[1].label == 2
    assert gaps[1].mm == pytest.approx(3.0, abs=0.01)
    assert gaps[2] == Gap(1, gaps[1].mm)
    assert gaps[3].label == 2
    assert gaps[3].mm == pytest.approx(10.0, abs=0.01)
    assert nearest_gaps(surfaces, within_mm=5.0)[3] == Gap(None, float("inf"))


def test_a_ragged_piece_measures_what_all_its_voxels_say():
    rng = np.random.default_rng(3)
    voxels = np.zeros((9, 14, 17), dtype=np.uint8)
    voxels[1:8, 2:12, 3:15] = rng.random((7, 10, 12)) < 0.2
    affine = np.eye(4)
    affine[:3, :3] = rng.standard_normal((3, 3))
    affine[:3, 3] = (-40.0, 12.0, 900.0)
    labels = Volume(voxels, affine)
    (found,) = measure(labels)
    points = labels.to_mm(np.argwhere(voxels)[:, ::-1])
    np.testing.assert_allclose(found.centre_mm, points.mean(axis=0))
    np.testing.assert_allclose(found.lowest_mm, points.min(axis=0))
    np.testing.assert_allclose(found.highest_mm, points.max(axis=0))
    away = points - points.mean(axis=0)
    along = away @ np.array(found.axes).T
    voxel_mm = np.abs(np.array(found.axes) @ affine[:3, :3]).sum(axis=1)
    np.testing.assert_allclose(found.extent_mm, np.ptp(along, axis=0) + voxel_mm)
    spread = along.T @ along  # along its principal axes a piece's spread has no cross terms
    np.testing.assert_allclose(spread, np.diag(np.diag(spread)), atol=1e-6 * spread.max())
    assert np.all(np.diff(np.diag(spread)) <= 0)
