"""Solids that are cut in two and moved by known amounts."""

import numpy as np
import pytest

from afunet.geometry import Volume
from afunet.geometry.rigid import Rigid
from afunet.reconstruction.assembly import FittedTo
from afunet.reconstruction.displacement import BonePiece, Displacement, displacements
from afunet.reconstruction.measures import measure
from afunet.reconstruction.surface import surface

POINTS = np.stack(np.meshgrid(*(np.arange(n) for n in (56, 48, 90)), indexing="ij"), axis=-1)
"""Centres (x, y, z) of the voxels in mm; solids end halfway between them, and z is their axis."""


def moved_apart(bone, upper, move=None):
    """What is measured of the fragment `upper` of a bone, moved; the main fragment is the rest.

    Both are functions of points (..., 3) in mm.
    """
    points = POINTS.astype(float)
    home = points if move is None else move.inverse()(points)
    lower = bone(points) & ~upper(points)
    labels = np.where(lower, 1, np.where(bone(home) & upper(home), 2, 0)).astype(np.uint8)
    volume = Volume(np.ascontiguousarray(labels.transpose(2, 1, 0)), np.eye(4))
    pieces = [
        BonePiece(
            f"piece {one.label}", one, surface(volume.with_voxels(volume.voxels == one.label))
        )
        for one in measure(volume)
    ]
    (found,) = displacements(pieces, volume).values()
    return found


def box(points):
    x, y, z = np.moveaxis(points, -1, 0)
    return (abs(x - 28) < 13.5) & (abs(y - 24) < 9.5) & (z > 5.5) & (z < 80.5)


def rod(points):
    x, y, z = np.moveaxis(points, -1, 0)
    return ((x - 28) ** 2 + (y - 24) ** 2 < 11**2) & (z > 5.5) & (z < 80.5)


def ball(points):
    return np.linalg.norm(points - [28, 24, 40], axis=-1) < 20


def above_a_plane(points):
    return points[..., 2] > 50.5 + 0.2 * (points[..., 0] - 28)


def above_steps(points):
    x, y, z = np.moveaxis(points, -1, 0)
    return z > 50.5 + 5 * (x > 26.5) + 4 * ((y > 22.5) & (x < 26.5))


def above_flat(points):
    return points[..., 2] > 50.5


def cap(points):
    return np.linalg.norm(points - [28, 24, 66], axis=-1) < 12


MOVE = Rigid.about((28, 24, 66), np.radians((2.0, -3.0, 1.5)), (-2.0, -1.5, 3.0))

LIFT = Rigid(np.eye(3), np.array([0.0, 0.0, 3.0]))


@pytest.mark.parametrize("upper", [above_a_plane, above_steps])
def test_a_box_cut_in_two_and_moved_is_measured(upper):
    what = moved_apart(box, upper, MOVE)
    centre = np.array([28.0, 24.0, 66.0])
    assert what.displacement_mm == pytest.approx(MOVE(centre) - centre, abs=0.5)
    assert what.displaced_mm == pytest.approx(np.linalg.norm(what.displacement_mm))
    assert what.displaced_along_mm == pytest.approx(3.0, abs=0.5)
    assert what.displaced_across_mm == pytest.approx(2.5, abs=0.5)
    assert what.rotated_deg == pytest.approx(MOVE.angle_deg, abs=1.0)
    turned_deg = what.rotated_deg * np.array(what.rotation_axis)
    assert np.linalg.norm(turned_deg - MOVE.rotation_vector_deg) < what.rotated_error_deg
    assert what.rotated_error_deg < 8
    assert what.displaced_error_mm < 1
    assert what.fits_on == "piece 1"


def test_a_box_that_only_opened_has_a_gap_and_no_step():
    what = moved_apart(box, above_flat, LIFT)
    assert what.fracture_gap_mm == pytest.approx(3.0, abs=0.3)
    assert what.step_off_mm == pytest.approx(0.0, abs=0.5)
    assert what.touching_mm2 == 0
    assert what.within_2mm_mm2 == 0


def test_a_box_that_slid_has_a_step_on_two_sides_and_touches():
    what = moved_apart(box, above_flat, Rigid(np.eye(3), np.array([3.0, 0.0, 0.0])))
    assert what.displacement_mm == pytest.approx((3.0, 0.0, 0.0), abs=0.5)
    assert what.largest_step_off_mm == pytest.approx(3.0, abs=0.5)
    assert what.fracture_gap_mm == pytest.approx(0.0, abs=0.5)
    # 27 voxels of x less those that slid beside the box, 19 of y.
    assert what.touching_mm2 == (27 - 3) * 19
    assert what.within_2mm_mm2 == pytest.approx(24 * 19, rel=0.15)


def test_fragments_in_place_are_not_displaced():
    what = moved_apart(box, above_steps)
    assert what.displaced_mm == pytest.approx(0.0, abs=0.2)
    assert what.rotated_deg == pytest.approx(0.0, abs=1.0)


def test_the_turn_of_a_round_rod_about_its_axis_is_not_known():
    turned = Rigid.about((28, 24, 66), (0.0, 0.0, np.radians(10)), (0.0, 0.0, 2.0))
    what = moved_apart(rod, above_flat, turned)
    assert what.rotated_deg is None
    assert what.rotation_axis is None
    assert what.step_off_mm is None
    assert what.displacement_mm == pytest.approx((0.0, 0.0, 2.0), abs=0.5)


def test_the_turn_of_a_round_chip_of_a_ball_is_not_known():
    what = moved_apart(ball, cap, LIFT)
    assert what.displacement_mm == pytest.approx((0.0, 0.0, 3.0), abs=0.5)
    assert what.rotated_deg is None


def test_a_small_chip_is_not_placed():
    what = moved_apart(ball, lambda points: points[..., 2] > 57.5, LIFT)
    assert what.displaced_mm is None
    assert what.rotated_deg is None
    assert what.within_2mm_mm2 == 0


def test_a_fragment_that_meets_nothing_has_areas_only():
    what = moved_apart(box, above_steps, Rigid(np.eye(3), np.array([0.0, 0.0, 20.0])))
    assert what == Displacement(touching_mm2=0.0, within_2mm_mm2=0.0)


def test_a_fragment_upside_down_fits_nowhere():
    turned = Rigid.about((28, 24, 66), (np.pi, 0.0, 0.0), (0.0, 0.0, 6.0))
    what = moved_apart(box, above_steps, turned)
    assert what.displaced_mm is None
    assert what.rotated_deg is None
    assert what.fitted_to is None


def test_what_a_fragment_was_fitted_to_is_told():
    assert moved_apart(box, above_steps, LIFT).fitted_to is FittedTo.FRACTURE
