"""A bone whose other side is intact, and two fits of one fragment."""

import numpy as np
import pytest

from afunet.geometry import Volume
from afunet.geometry.rigid import Rigid
from afunet.reconstruction.assembly import FittedTo, Placed, assembled
from afunet.reconstruction.certainty import Certainty
from afunet.reconstruction.displacement import points_of
from afunet.reconstruction.other_side import OtherSide
from afunet.reconstruction.surface import surface

POINTS = np.stack(np.meshgrid(*(np.arange(n) for n in (64, 56, 110)), indexing="ij"), axis=-1)
MOVE = Rigid.about((32, 28, 70), np.radians((3.0, -4.0, 5.0)), (-3.0, 2.0, 12.0))


def bone(points):
    """An egg with a knob on each end, on different sides."""
    x, y, z = np.moveaxis(points, -1, 0)
    egg = ((x - 32) / 13) ** 2 + ((y - 28) / 10) ** 2 + ((z - 45) / 40) ** 2 < 1
    above = np.linalg.norm(points - [42, 26, 66], axis=-1) < 9
    return egg | above | (np.linalg.norm(points - [24, 36, 20], axis=-1) < 8)


def upper(points):
    return points[..., 2] > 48


def points_where(inside):
    voxels = np.ascontiguousarray(inside.astype(np.uint8).transpose(2, 1, 0))
    return points_of(surface(Volume(voxels, np.eye(4))))


def fragments():
    """The main fragment, and the upper one, 12 mm and more from its bed."""
    home = MOVE.inverse()(POINTS.astype(float))
    main = points_where(bone(POINTS) & ~upper(POINTS))
    return [main, points_where(bone(home) & upper(home))]


@pytest.fixture(scope="module")
def other_side():
    """The same bone of the other side, elsewhere and turned."""
    flipped = POINTS.astype(float) * [-1, 1, 1] + [63, 0, 0]
    turned = Rigid.about((32, 28, 50), np.radians((5.0, 0.0, 10.0)), (-80.0, 7.0, 9.0))
    return points_where(bone(flipped)).moved(turned)


def test_a_fragment_is_placed_by_the_mirrored_other_side(other_side):
    main, fragment = fragments()
    centre = fragment.points_mm.mean(axis=0)
    found = OtherSide.mirrored(other_side, [main, fragment]).fit(fragment)
    assert np.linalg.norm(found.move(centre) - MOVE.inverse()(centre)) < 0.5
    assert found.move.after(MOVE).angle_deg < 1.5


def test_a_fragment_that_meets_no_other_is_placed_by_the_other_side_only(other_side):
    apart = fragments()
    assert assembled(apart) == {}
    placed = assembled(apart, other_side)[1]
    assert placed.fitted_to is FittedTo.OTHER_SIDE
    assert placed.beside == ()
    assert placed.shift_known


def test_another_bone_is_no_other_side():
    ball = points_where(np.linalg.norm(POINTS - [32, 28, 50], axis=-1) < 8)
    assert OtherSide.mirrored(ball, fragments()) is None


def placed(shift_mm, sure, fitted_to):
    move = Rigid(np.eye(3), np.array([shift_mm, 0.0, 0.0]))
    return Placed(move, sure, fitted_to, (0,))


def test_of_two_fits_that_agree_the_more_certain_one_is_taken():
    first = placed(1.0, Certainty(0.5, 2.0), FittedTo.FRACTURE)
    second = placed(1.8, Certainty(0.3, 1.0), FittedTo.OTHER_SIDE)
    assert first.checked(second, np.zeros(3)) is second
    assert second.checked(first, np.zeros(3)) is second
    unknown = placed(30.0, Certainty.none(), FittedTo.FRACTURE)
    assert unknown.checked(second, np.zeros(3)) is second


def test_of_two_fits_that_differ_by_more_than_their_errors_none_is_known():
    first = placed(1.0, Certainty(0.5, 2.0), FittedTo.FRACTURE)
    second = placed(2.5, Certainty(0.3, 1.0), FittedTo.OTHER_SIDE)
    neither = first.checked(second, np.zeros(3))
    assert not neither.shift_known
    assert not neither.turn_known
