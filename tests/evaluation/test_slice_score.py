import numpy as np
from numpy.typing import NDArray
from tests.refusals import refused

from afunet.errors import InputError
from afunet.evaluation.overlap import Counts
from afunet.evaluation.slice_score import SliceScore, piece_sizes, score_slice

Mask = NDArray[np.bool_]


def empty() -> Mask:
    return np.zeros((40, 40), dtype=bool)


def score(predicted: Mask, truth: Mask) -> SliceScore:
    return score_slice(predicted, truth, case="a", patient="p", level=3)


def test_pixels_are_counted() -> None:
    predicted, truth = empty(), empty()
    truth[0:4, 0:5] = True
    predicted[0:4, 0:6] = True
    one = score(predicted, truth)
    assert one.counts == Counts(20, 4, 0, 1576)
    assert (one.case, one.patient, one.level, one.has_bone) == ("a", "p", 3, True)


def test_a_small_piece_is_found_where_half_its_pixels_are() -> None:
    predicted, truth = empty(), empty()
    truth[0:4, 0:4] = True  # 16 px, 8 found
    truth[10:13, 0:3] = True  # 9 px, 4 found
    truth[15:36, 15:36] = True  # 441 px: not small
    predicted[0:2, 0:4] = True
    predicted[10:12, 0:2] = True
    one = score(predicted, truth)
    assert (one.small_pieces, one.small_found) == (2, 1)


def test_pieces_that_touch_no_bone_are_stray() -> None:
    predicted, truth = empty(), empty()
    truth[0:4, 0:4] = True
    predicted[3:9, 3:9] = True  # touches the bone at one pixel
    predicted[20:22, 20:23] = True
    assert score(predicted, truth).stray_px == 6


def test_on_a_slice_without_bone_all_is_stray() -> None:
    predicted = empty()
    predicted[5:7, 5:7] = True
    one = score(predicted, empty())
    assert (one.stray_px, one.small_pieces, one.has_bone) == (4, 0, False)


def test_an_empty_pair_scores_nothing() -> None:
    one = score(empty(), empty())
    assert one.counts.is_empty
    assert (one.stray_px, one.small_pieces, one.small_found) == (0, 0, 0)


def test_pixels_that_touch_at_a_corner_are_one_piece() -> None:
    mask = empty()
    mask[0, 0] = mask[1, 1] = mask[5, 5] = True
    assert sorted(piece_sizes(mask)) == [1, 2]


def test_two_shapes_are_refused() -> None:
    with refused(InputError, "SIZES_DIFFER", (40, 40), (39, 40)):
        score(empty(), empty()[:-1])
