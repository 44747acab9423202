"""Pieces paired one by one, worked out by hand."""

import numpy as np
import pytest

from afunet.errors import GeometryError
from afunet.evaluation.fragments import match_fragments
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


def test_distances_of_found_pieces_on_request():
    score = match_fragments(row(0, 1, 1, 1, 0), row(0, 0, 1, 1, 1), 1.0, distances=True)
    distances = score.matches[0].distances
    assert distances is not None
    assert distances.largest == 1.0


def test_another_grid_is_refused():
    with pytest.raises(GeometryError, match="the found label map lies on another grid"):
        match_fragments(row(1, 1), row(1, 1, spacing=(2, 1, 1)), 1.0)
