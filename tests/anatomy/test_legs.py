"""Which pieces are of one leg, by how near they are and what their sides are."""

import numpy as np
import pytest

from afunet.anatomy.coarse_grid import LabelSampling
from afunet.anatomy.legs import SideRules, find_legs, gaps_between, joined_pieces
from afunet.anatomy.side_network import LimbSiderConfig
from afunet.geometry import Volume

FAR = np.inf


class SaysRight:
    """Speaks for the right side of whatever it is shown, and keeps what it was."""

    def __init__(self) -> None:
        self.config = LimbSiderConfig()
        self.shown: list[np.ndarray] = []

    def __call__(self, windows: np.ndarray) -> np.ndarray:
        self.shown.append(windows)
        return -2.0 * (windows[:, 0].sum(axis=(1, 2, 3)) > 0)


def sampled() -> LabelSampling:
    """Two pieces 8 mm apart, and a third one far away."""
    voxels = np.zeros((60, 16, 80), np.uint8)
    voxels[2:26, 4:12, 4:14], voxels[30:54, 4:12, 4:14], voxels[:, 4:12, 60:70] = 1, 2, 3
    found = LabelSampling.of(Volume(voxels, np.diag([2.0, 2.0, 2.0, 1.0])), 4.0)
    assert found is not None
    return found


def sides(left: list[float], of_leg: list[bool], sider: SaysRight | None) -> list[float]:
    found = find_legs(sampled(), np.array(of_leg), np.array(left), sider, SideRules())  # type: ignore[arg-type]
    return found.left.round(3).tolist()


def test_the_pieces_of_a_leg_have_the_mean_of_their_odds() -> None:
    assert sides([0.5, 0.8, 0.7], [True] * 3, None) == [0.667, 0.667, 0.7]  # √(1 · 4) = 2 to 1


def test_what_is_of_no_leg_keeps_its_own() -> None:
    assert sides([0.5, 0.95, 0.7], [False, True, True], None) == [0.5, 0.95, 0.7]


def test_little_bone_alone_is_of_no_leg() -> None:
    half, all_legs = np.full(3, 0.5), np.ones(3, bool)
    volumes = [1920 * 8, 1920 * 8, 4800 * 8]
    for whole, expected in ((sum(volumes[:2]), [True] * 3), (38_000, [False, False, True])):
        found = find_legs(sampled(), all_legs, half, None, SideRules(whole_mm3=whole))
        assert found.of_leg.tolist() == expected


def test_a_piece_between_the_sampled_voxels_is_of_no_leg() -> None:
    voxels = np.zeros((12, 40, 40), np.uint8)
    voxels[:, ::2, ::2], voxels[3, 11, 11] = 1, 2  # every fourth column and row is looked at
    sampling = LabelSampling.of(Volume(voxels, np.diag([0.25, 0.25, 2.0, 1.0])), 4.0)
    assert sampling is not None
    assert sampling.every > 1
    both, rules = np.ones(2, bool), SideRules(whole_mm3=1.0)
    found = find_legs(sampling, both, np.array([0.8, 0.0]), None, rules)
    assert found.of_leg.tolist() == [True, False]
    assert found.left.round(3).tolist() == [0.8, 0.0]


def test_the_shape_is_looked_at_where_a_leg_is_not_sure() -> None:
    sider = SaysRight()
    told = sides([0.5, 0.8, 0.95], [True] * 3, sider)
    assert told == [0.213, 0.213, 0.95]  # 2 · e⁻² to 1
    assert len(sider.shown) == 1


def test_a_leg_is_looked_at_as_it_lies_and_turned_either_way() -> None:
    sider = SaysRight()
    sides([0.5, 0.8, 0.95], [True] * 3, sider)
    straight, left, right = sider.shown[0]
    whole = [float(look[0].sum()) for look in (straight, left, right)]
    assert whole == pytest.approx([whole[0]] * 3, rel=0.1)  # full voxels count once
    for turned in (left, right):  # the bone and what the scan shows turn together
        assert (turned[0] != straight[0]).any()
        assert (turned[1] != straight[1]).any()
        assert turned[1][turned[0] > 0].all()
    assert (left != right).any()


def gaps(*rows: list[float]) -> np.ndarray:
    """A symmetric matrix from its lower rows."""
    count = len(rows)
    found = np.full((count, count), FAR)
    for one, row in enumerate(rows):
        found[one, : len(row)] = found[: len(row), one] = row
    return found


def test_near_pieces_are_of_one_leg_and_far_ones_are_not() -> None:
    apart = gaps([], [5.0], [FAR, 28.0], [FAR, FAR, 31.0])
    assert joined_pieces([0.0] * 4, apart, within_mm=30, sure=1) == [[0, 1, 2], [3]]


def test_sides_that_differ_surely_are_not_joined_though_the_legs_touch() -> None:
    apart = gaps([], [2.0], [12.0, 30.0], [30.0, 12.0, 30.0])
    assert joined_pieces([3.0, -3.0, 0.2, -0.1], apart, within_mm=30, sure=1) == [[0, 2], [1, 3]]


def test_what_is_open_goes_with_the_nearer() -> None:
    apart = gaps([], [FAR], [9.0, 8.0])
    assert joined_pieces([3.0, -3.0, 0.0], apart, within_mm=30, sure=1) == [[0], [1, 2]]


def test_doubts_that_differ_do_not_part_a_leg() -> None:
    assert joined_pieces([0.9, -0.9], gaps([], [4.0]), within_mm=30, sure=1) == [[0, 1]]


def test_no_pieces_no_legs() -> None:
    assert joined_pieces([], np.zeros((0, 0)), within_mm=30, sure=1) == []


def test_gaps_are_least_distances_within_reach() -> None:
    rng = np.random.default_rng(3)
    clouds = [rng.uniform(0, 10, (40, 3)) + np.array([shift, 0, 0]) for shift in (0, 14, 26, 80)]
    found = gaps_between(clouds, within_mm=20)
    for one in range(4):
        for other in range(4):
            apart = clouds[one][:, None] - clouds[other]
            least = float(np.linalg.norm(apart, axis=2).min())
            expected = least if one != other and least < 20 else FAR
            assert found[one, other] == pytest.approx(expected)


def test_an_empty_cloud_is_near_nothing() -> None:
    assert (gaps_between([np.zeros((0, 3)), np.zeros((2, 3))], within_mm=20) == FAR).all()
