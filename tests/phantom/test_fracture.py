import numpy as np
import pytest

from afunet.phantom.config import Fracture
from afunet.phantom.shapes.distance import Box, grid_of_implicit
from afunet.phantom.skeleton.bones import Bone
from afunet.phantom.skeleton.fracture import break_bone

GRID = grid_of_implicit(
    lambda points: np.linalg.norm(points, axis=-1) - 18.0, 1.0, Box((-24,) * 3, (24,) * 3)
)
BALL = Bone("ball left", GRID, np.eye(4), (-18.0, 18.0))


def points_in_ball() -> np.ndarray:
    points = np.random.default_rng(1).uniform(-18, 18, (20000, 3))
    return points[np.linalg.norm(points, axis=1) < 17.5]


def broken(**options: float) -> Bone:
    fracture = Fracture("ball left", 0.0, pieces=4, chips=2, seed=3, **options)  # type: ignore[arg-type]
    return break_bone(BALL, fracture)


def test_fragments_left_in_place_without_a_gap_share_out_the_whole_bone() -> None:
    bone = broken(displacement_mm=0.0, tilt_deg=0.0, gap_mm=0.0)
    points = points_in_ball()
    inside = sum((p.distances_mm(points).piece < 0).astype(int) for p in bone.pieces())
    assert len(bone.fragments) == 6
    # Exactly one fragment has each point, but for the points that lie on a cut.
    assert (inside == 1).mean() > 0.999
    assert inside.max() == 1


def test_displaced_fragments_keep_their_volume() -> None:
    resting = broken(displacement_mm=0.0, tilt_deg=0.0, gap_mm=0.0)
    moved = broken(displacement_mm=5.0, tilt_deg=10.0, gap_mm=0.0)
    points = np.random.default_rng(2).uniform(-30, 30, (60000, 3))
    for before, after in zip(resting.pieces(), moved.pieces(), strict=True):
        counts = [(piece.distances_mm(points).piece < 0).sum() for piece in (before, after)]
        assert counts[1] == pytest.approx(counts[0], abs=5 * np.sqrt(counts[0]) + 5)


def test_the_largest_fragment_stays_and_the_others_move() -> None:
    shifts = [np.linalg.norm(f.shift_mm) for f in broken(displacement_mm=4.0).fragments]
    assert shifts[0] == 0
    # One that its neighbours hold fast may stay too.
    assert max(shifts) < 5.3
    assert sum(shift > 1.9 for shift in shifts[1:]) >= 3


@pytest.mark.parametrize("displacement_mm", [3.0, 8.0])
def test_no_piece_is_driven_into_another(displacement_mm: float) -> None:
    points = np.random.default_rng(5).uniform(-30, 30, (60000, 3))
    bone = broken(displacement_mm=displacement_mm, tilt_deg=6.0)
    deep = [p.distances_mm(points).piece < -1.3 for p in bone.pieces()]
    assert (np.sum(deep, axis=0) > 1).mean() < 1e-4


def test_every_fragment_lies_in_its_own_box() -> None:
    bone = broken(displacement_mm=4.0, tilt_deg=8.0)
    points = np.random.default_rng(4).uniform(-30, 30, (60000, 3))
    for piece in bone.pieces():
        held = points[piece.distances_mm(points).piece < 0]
        corners = piece.corners_mm()
        assert (held >= corners.min(axis=0)).all()
        assert (held <= corners.max(axis=0)).all()


def test_a_fracture_out_of_view_breaks_nothing() -> None:
    assert not break_bone(BALL, Fracture("ball left", 200.0)).fragments
