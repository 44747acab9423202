"""Outlines of masks and the masks of outlines."""

import numpy as np
import pytest

from afunet.formats.dicom.contours import filled, outlines


def area(ring):
    x, y = ring.T
    return abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))) / 2


def test_one_pixel_is_a_diamond_half_a_pixel_about_its_centre():
    mask = np.zeros((5, 6), np.uint8)
    mask[2, 3] = 1
    (ring,) = outlines(mask)
    assert {tuple(point) for point in ring} == {(3.5, 2), (2.5, 2), (3, 2.5), (3, 1.5)}


def test_a_hole_hangs_on_its_outline_and_stays_a_hole():
    mask = np.zeros((9, 9), np.uint8)
    mask[1:8, 1:8] = 1
    mask[4, 4] = 0
    (ring,) = outlines(mask)
    np.testing.assert_array_equal(filled([ring], 9, 9), mask)
    assert area(ring) == pytest.approx(49 - 4 * 0.125 - 0.5)  # four cut corners and the diamond


def test_a_piece_within_a_hole_is_an_outline_of_its_own():
    mask = np.zeros((11, 11), np.uint8)
    mask[1:10, 1:10] = 1
    mask[3:8, 3:8] = 0
    mask[5, 5] = 1
    rings = outlines(mask)
    assert len(rings) == 2
    np.testing.assert_array_equal(filled(rings, 11, 11), mask)


def test_bone_at_the_edge_of_the_image_is_closed_there():
    mask = np.zeros((6, 7), np.uint8)
    mask[:3, 4:] = 1
    np.testing.assert_array_equal(filled(outlines(mask), 6, 7), mask)


def test_an_empty_mask_has_no_outline():
    assert outlines(np.zeros((4, 4), np.uint8)) == []


@pytest.mark.parametrize("seed", range(25))
def test_outlines_of_noise_give_every_pixel_back(seed):
    rng = np.random.default_rng(seed)
    mask = (rng.random((23, 31)) < rng.uniform(0.2, 0.8)).astype(np.uint8)
    np.testing.assert_array_equal(filled(outlines(mask), 23, 31), mask)
