"""Distances between surfaces whose distance is known."""

import numpy as np
import pytest

from afunet.geometry import Mesh, Volume
from afunet.reconstruction import Smoothing, surface
from afunet.reconstruction.deviation import deviation, distances_mm
from afunet.reconstruction.surface_points import points_on

RAW = Smoothing(iterations=0)


def ball(radius):
    level, row, column = np.mgrid[:40, :40, :40] - 19.5
    inside = np.sqrt(level**2 + row**2 + column**2) < radius
    return Volume(inside.astype(np.uint8), np.eye(4))


def grown(mesh, by_mm):
    middle = mesh.vertices_mm.mean(axis=0)
    outward = mesh.vertices_mm - middle
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    return Mesh(mesh.vertices_mm + by_mm * outward, mesh.faces)


def test_a_surface_does_not_deviate_from_itself():
    mesh = surface(ball(12), smoothing=RAW)
    same = deviation(mesh, mesh)
    assert same.largest_mm < 1e-6
    assert same.volume_change == 0.0
    assert (same.triangles, same.open_edges) == (len(mesh.faces), 0)


@pytest.mark.parametrize("by_mm", [-0.4, 0.7])
def test_a_ball_that_was_grown_deviates_by_what_it_was_grown(by_mm):
    raw = surface(ball(12))
    found = deviation(grown(raw, by_mm), raw)
    assert found.mean_mm == pytest.approx(abs(by_mm), rel=0.03)
    assert found.p95_mm == pytest.approx(abs(by_mm), rel=0.06)
    assert found.volume_change == pytest.approx((1 + by_mm / 12) ** 3 - 1, rel=0.05)


def test_a_lost_piece_shows_in_the_largest_distance():
    one = ball(6)
    both = one.voxels.copy()
    both[2, 2, 2] = 1
    raw = surface(one.with_voxels(both), smoothing=RAW)
    assert deviation(surface(one, smoothing=RAW), raw, samples=200_000).largest_mm > 20


def test_points_lie_on_the_surface_evenly():
    mesh = surface(ball(12))
    points = points_on(mesh, 4000).points_mm
    assert distances_mm(points, mesh).max() < 1e-6
    assert np.abs((points - 19.5).mean(axis=0)).max() < 0.6
    assert np.array_equal(points, points_on(mesh, 4000).points_mm)


def test_smoothing_stays_within_half_a_voxel_and_keeps_the_volume():
    found = deviation(surface(ball(12)), surface(ball(12), smoothing=RAW))
    assert found.mean_mm < 0.3
    assert found.largest_mm < 0.5 * np.sqrt(3)
    assert abs(found.volume_change) < 0.01


def test_nothing_deviates_by_nothing():
    empty = surface(ball(0))
    assert deviation(empty, empty).largest_mm == 0.0
