import numpy as np
import pytest
from tests.refusals import refused

from afunet.errors import Cancelled, ConfigError
from afunet.geometry import Volume
from afunet.reconstruction import Smoothing, surface
from afunet.watch import CancelToken, Watch

RAW = Smoothing(iterations=0)
RADIUS_MM = 15.0
CENTRE_MM = np.array([-40.0, 25.0, -1300.0])
SPACING_MM = np.array([0.8, 0.9, 2.5])


def turned(degrees: float, axis: int) -> np.ndarray:
    first, second = [other for other in range(3) if other != axis]
    matrix = np.eye(3)
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix[[first, first, second, second], [first, second, first, second]] = (
        cosine,
        -sine,
        sine,
        cosine,
    )
    return matrix


def ball(axes: np.ndarray) -> Volume:
    """A ball of 15 mm on a grid whose (column, row, slice) steps in mm are the columns."""
    shape = (20, 52, 56)
    affine = np.eye(4)
    affine[:3, :3] = axes
    affine[:3, 3] = CENTRE_MM - axes @ (np.array([56, 52, 20]) / 2 + [0.13, 0.29, 0.41])
    slices, rows, columns = np.indices(shape)
    points = Volume(np.zeros(shape), affine).to_mm(np.stack([columns, rows, slices], axis=-1))
    inside = np.linalg.norm(points - CENTRE_MM, axis=-1) <= RADIUS_MM
    return Volume(inside.astype(np.uint8), affine)


STRAIGHT = np.diag(SPACING_MM)
OBLIQUE = turned(25, 0) @ turned(-35, 1) @ turned(15, 2) @ STRAIGHT
MIRRORED = OBLIQUE * [1, 1, -1]
SHEARED = STRAIGHT + np.array([[0, 0, 0], [0, 0, 1.2], [0, 0, 0]])
GRIDS = {"straight": STRAIGHT, "oblique": OBLIQUE, "mirrored": MIRRORED, "sheared": SHEARED}


@pytest.fixture(params=GRIDS, scope="module")
def ball_mask(request: pytest.FixtureRequest) -> Volume:
    return ball(GRIDS[request.param])


def test_one_voxel_gives_the_octahedron_between_its_neighbours() -> None:
    voxels = np.zeros((3, 3, 3), dtype=np.uint8)
    voxels[1, 1, 1] = 1
    affine = np.diag([2.0, 2.0, 4.0, 1.0])
    affine[:3, 3] = [10, 20, 30]
    mesh = surface(Volume(voxels, affine), smoothing=RAW)
    low, high = mesh.bounds_mm()
    np.testing.assert_allclose(low, [11, 21, 32])
    np.testing.assert_allclose(high, [13, 23, 36])
    # An octahedron of semi-axes a, b, c holds 4abc/3.
    assert mesh.volume_mm3 == pytest.approx(4 / 3 * 1 * 1 * 2)


def test_ball_is_closed_turned_outward_and_subvoxel_exact_on_any_grid(ball_mask: Volume) -> None:
    mesh = surface(ball_mask)
    away_mm = np.abs(np.linalg.norm(mesh.vertices_mm - CENTRE_MM, axis=1) - RADIUS_MM)
    assert mesh.is_watertight
    assert away_mm.mean() < 0.3 * SPACING_MM.min()
    assert mesh.volume_mm3 == pytest.approx(4 / 3 * np.pi * RADIUS_MM**3, rel=0.01)


def test_smoothing_moves_no_vertex_further_than_its_limit(ball_mask: Volume) -> None:
    raw = ball_mask.to_indices(surface(ball_mask, smoothing=RAW).vertices_mm)
    smooth = ball_mask.to_indices(
        surface(ball_mask, smoothing=Smoothing(100, 0.001, limit_voxels=0.3)).vertices_mm
    )
    assert np.abs(smooth - raw).max() == pytest.approx(0.3, abs=1e-6)


def test_smoothing_halves_the_distance_to_the_exact_ball(ball_mask: Volume) -> None:
    def distance_mm(smoothing: Smoothing) -> float:
        vertices = surface(ball_mask, smoothing=smoothing).vertices_mm
        return np.abs(np.linalg.norm(vertices - CENTRE_MM, axis=1) - RADIUS_MM).mean()

    assert distance_mm(Smoothing()) < distance_mm(RAW) / 2


def test_bone_cut_by_the_edge_of_the_volume_is_closed_half_a_voxel_beyond() -> None:
    mesh = surface(Volume(np.ones((2, 3, 4), dtype=np.uint8), np.eye(4)), smoothing=RAW)
    low, high = mesh.bounds_mm()
    assert mesh.is_watertight
    np.testing.assert_allclose(low, [-0.5, -0.5, -0.5])
    np.testing.assert_allclose(high, [3.5, 2.5, 1.5])


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_voxels_that_touch_in_every_way_still_give_a_closed_manifold(share: float) -> None:
    noise = np.random.default_rng(0).random((12, 12, 12)) < share
    mask = Volume(noise, np.diag([0.8, -0.8, 3.0, 1.0]))
    assert surface(mask).is_watertight


def test_plate_one_voxel_thick_keeps_its_two_faces_apart() -> None:
    voxels = np.zeros((5, 12, 12), dtype=np.uint8)
    voxels[2, 1:-1, 1:-1] = 1
    mask = Volume(voxels, np.eye(4))
    raw = surface(mask, smoothing=RAW).vertices_mm[:, 2] - 2
    smooth = surface(mask, smoothing=Smoothing(200, 0.001)).vertices_mm[:, 2] - 2
    upper, lower = raw > 0, raw < 0
    assert smooth[upper].min() >= 0.05 - 1e-9
    assert smooth[lower].max() <= -0.05 + 1e-9


def test_cavity_inside_bone_is_part_of_the_surface() -> None:
    voxels = np.ones((5, 5, 5), dtype=np.uint8)
    voxels[2, 2, 2] = 0
    filled = surface(Volume(np.ones((5, 5, 5)), np.eye(4)), smoothing=RAW)
    hollow = surface(Volume(voxels, np.eye(4)), smoothing=RAW)
    assert hollow.is_watertight
    assert hollow.volume_mm3 == pytest.approx(filled.volume_mm3 - 1 / 6)


def test_empty_mask_gives_an_empty_mesh() -> None:
    mesh = surface(Volume(np.zeros((3, 4, 5), dtype=np.uint8), np.eye(4)), max_triangles=100)
    assert mesh.is_empty


def test_surface_reports_its_steps_and_stops_when_asked() -> None:
    mask, cancel, seen = Volume(np.ones((2, 2, 2)), np.eye(4)), CancelToken(), []

    def stop_after_the_first(stage: str, done: int, total: int) -> None:
        seen.append((stage, done, total))
        if done == 1:
            cancel.cancel()

    with pytest.raises(Cancelled):
        surface(mask, watch=Watch(stop_after_the_first, cancel))
    assert seen == [("surface", 0, 3), ("surface", 1, 3)]


@pytest.mark.parametrize(
    "wrong", [{"iterations": -1}, {"pass_band": 0.0}, {"pass_band": 2.1}, {"limit_voxels": 0.5}]
)
def test_impossible_smoothing_is_refused_by_name(wrong: dict[str, float]) -> None:
    with refused(ConfigError, "CONFIG_ERROR"):
        Smoothing(**wrong)  # type: ignore[arg-type]
