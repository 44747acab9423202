"""Pieces paired one by one, worked out by hand."""

import numpy as np
import pytest
from tests.refusals import refused

from afunet.errors import GeometryError, InputError
from afunet.evaluation.fragments import fragment_means, match_fragments
from afunet.geometry import Volume


def row(*values, spacing=(1.0, 1.0, 1.0)):
    return Volume(np.array([[values]], dtype=np.uint8), np.diag([*spacing, 1.0]))


def test_numbers_do_not_matter_and_iou_does():
    score = match_fragments(row(2, 2, 2, 0, 1, 1), row(1, 1, 1, 1, 2, 2), 1.0)
    assert [(m.true, m.found, m.iou) for m in score.matches] == [(1, 2, 0.75), (2, 1, 1.0)]
    assert (score.recall, score.mean_iou, score.missed, score.extra) == (1.0, 0.875, 0, 0)


def test_a_merged_pair_counts_once_as_found_and_once_as_missed():
    score = match_fragments(row(1, 1, 1, 1, 1, 1), row(1, 1, 1, 1, 2, 2), 1.0)
    assert (score.recall, score.missed, score.merged, score.split) == (0.5, 1, 1, 0)
    assert score.matches[0].iou == pytest.approx(4 / 6)


def test_a_split_piece_is_found_if_one_half_is_large_enough():
    score = match_fragments(row(1, 1, 1, 1, 2, 2), row(1, 1, 1, 1, 1, 1), 1.0)
    assert (score.recall, score.split, score.extra) == (1.0, 1, 1)
    score = match_fragments(row(1, 1, 2, 2, 3, 3), row(1, 1, 1, 1, 1, 1), 1.0)
    assert (score.recall, score.mean_iou, score.split, score.extra) == (0.0, 0.0, 1, 3)


def test_small_true_pieces_are_not_asked_for_and_small_found_ones_are_not_extra():
    found, true = row(1, 1, 1, 0, 3, 0), row(1, 1, 1, 0, 0, 2)
    assert match_fragments(found, true, 2.0).recall == 1.0
    assert match_fragments(found, true, 2.0).extra == 0
    assert match_fragments(found, true, 1.0).recall == 0.5
    assert match_fragments(found, true, 1.0).extra == 1


def test_sizes_are_in_cubic_millimetres():
    score = match_fragments(row(1, 1, spacing=(2, 3, 0.5)), row(1, 1, spacing=(2, 3, 0.5)), 6.0)
    assert score.matches[0].mm3 == pytest.approx(6.0)


def test_nothing_to_find_and_nothing_found():
    assert match_fragments(row(0, 0), row(0, 0), 1.0).recall == 1.0
    nothing = match_fragments(row(0, 0), row(1, 1), 1.0)
    assert (nothing.recall, nothing.mean_iou, nothing.missed) == (0.0, 0.0, 1)
    assert match_fragments(row(1, 1), row(0, 0), 1.0).extra == 1


def test_a_better_fit_is_not_given_up_for_a_larger_sum():
    """Found 1 has 6 voxels of true 1 and 3 of true 2, found 2 has 3 of true 1.

    IoU of true 1 with found 1 is 6 / (9 + 9 − 6) = 1/2, with found 2 3 / 9; of true 2 with found 1
    3 / 9. Pairing 1–2 and 2–1 adds up to 2/3, more than 1/2, and would miss the piece found.
    """
    score = match_fragments(row(*[1] * 6, *[2] * 3, *[1] * 3), row(*[1] * 9, *[2] * 3), 1.0)
    assert [(m.found, m.is_found) for m in score.matches] == [(1, True), (1, False)]
    assert [m.iou for m in score.matches] == pytest.approx([1 / 2, 1 / 3])


def test_two_equal_halves_that_were_merged_count_once_as_found():
    """Each half has IoU 2/4 with the merged piece: the first is taken, the second is missed."""
    score = match_fragments(row(5, 5, 5, 5), row(1, 1, 2, 2), 1.0)
    assert [match.is_found for match in score.matches] == [True, False]
    assert [match.iou for match in score.matches] == [0.5, 0.5]
    assert (score.missed, score.merged, score.split, score.extra) == (1, 1, 0, 0)


def test_parts_below_three_tenths_neither_merge_nor_split():
    """Of true 2 (7 voxels) 2 lie in found 1, less than 0.3 · 7 = 2.1; with 3 they would count."""
    true = row(1, 1, 1, 1, *[2] * 7)
    assert match_fragments(row(*[1] * 6, *[2] * 5), true, 1.0).merged == 0
    assert match_fragments(row(*[1] * 7, *[2] * 4), true, 1.0).merged == 1
    assert match_fragments(row(*[1] * 6, *[2] * 5), true, 1.0).split == 0
    assert match_fragments(row(*[1] * 7, *[2] * 4), true, 1.0).split == 1


def test_distances_of_each_piece_to_its_match_on_request():
    """Rows of 3 voxels, 0.5 mm each, one voxel apart: every voxel is boundary.

    From found (1, 2, 3) to true (2, 3, 4): 0.5, 0, 0 mm, and back 0, 0, 0.5 mm. The mean of the
    six is 1/6 mm. The 95th percentile of (0, 0, 0.5) lies 0.95 · 2 = 1.9 steps up: 0.45 mm.
    """
    found = row(0, 7, 7, 7, 0, spacing=(0.5, 1, 1))
    true = row(0, 0, 1, 1, 1, spacing=(0.5, 1, 1))
    (match,) = match_fragments(found, true, 0.1, distances=True).matches
    assert match.assd_mm == pytest.approx(1 / 6)
    assert match.hd95_mm == pytest.approx(0.45)
    (silent,) = match_fragments(found, true, 0.1).matches
    assert (silent.hd95_mm, silent.assd_mm) == (None, None)


def test_a_piece_that_nothing_touches_is_charged_its_radius():
    """Three voxels of 2 mm: the outer ones lie 2 mm from the centroid. HD95 4 mm, ASSD 2 mm."""
    true = row(0, 1, 1, 1, 0, spacing=(2, 1, 1))
    found = row(1, 0, 0, 0, 0, spacing=(2, 1, 1))
    (match,) = match_fragments(found, true, 1.0, distances=True).matches
    assert (match.found, match.iou, match.is_found) == (0, 0.0, False)
    assert (match.hd95_mm, match.assd_mm) == (4.0, 2.0)


def test_means_are_over_pieces_and_counts_over_cases():
    """Case one finds both pieces, case two merges its two: IoU 1, 1, 2/3 and 1/3."""
    whole = match_fragments(row(1, 1, 2, 2), row(1, 1, 2, 2), 1.0, distances=True)
    merged = match_fragments(row(1, 1, 1), row(1, 1, 2), 1.0, distances=True)
    means = fragment_means([whole, merged])
    assert means["recall"].value == pytest.approx(3 / 4)
    assert means["iou"].value == pytest.approx((1 + 1 + 2 / 3 + 1 / 3) / 4)
    assert means["merged"].value == means["missed"].value == pytest.approx(1 / 2)
    assert (means["iou"].low, means["iou"].high) == pytest.approx((1 / 2, 1))
    assert fragment_means([match_fragments(row(0), row(0), 1.0)])["iou"] is None


@pytest.mark.parametrize("labels", [(0, -1), (0, 4096)])
def test_labels_that_are_no_piece_numbers_are_refused(labels):
    odd = Volume(np.array([[labels]], dtype=np.int16), np.eye(4))
    with refused(InputError, "BAD_LABELS", 1, 4095):
        match_fragments(odd, row(0, 1), 1.0)


def test_another_grid_is_refused():
    with refused(GeometryError, "OTHER_GRID"):
        match_fragments(row(1, 1), row(1, 1, spacing=(2, 1, 1)), 1.0)
