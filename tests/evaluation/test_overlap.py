import numpy as np
import pytest
from tests.refusals import refused

from afunet.errors import InputError
from afunet.evaluation.overlap import METRICS, Counts, agreement, count, count_slices

# 6 found, 2 found wrongly, 4 missed: Dice 12/18, IoU 6/12, recall 6/10, precision 6/8.
WORKED = Counts(true_positive=6, false_positive=2, false_negative=4, true_negative=100)
WORKED_SCORES = {"dice": 2 / 3, "iou": 1 / 2, "recall": 3 / 5, "precision": 3 / 4}


@pytest.fixture(params=METRICS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_metric_gives_the_worked_example(name: str) -> None:
    assert METRICS[name](WORKED) == pytest.approx(WORKED_SCORES[name])


def test_metric_is_one_for_a_perfect_prediction(name: str) -> None:
    assert METRICS[name](Counts(true_positive=5, true_negative=3)) == 1


def test_metric_is_one_where_nothing_is_to_be_found_and_nothing_is_found(name: str) -> None:
    assert METRICS[name](Counts(true_negative=9)) == 1


@pytest.mark.parametrize("only", [Counts(false_positive=3), Counts(false_negative=3)])
def test_metric_is_zero_where_only_one_side_is_empty(name: str, only: Counts) -> None:
    assert METRICS[name](only) == 0


def test_metric_stays_between_zero_and_one(name: str) -> None:
    some = [Counts(*numbers) for numbers in np.ndindex(3, 3, 3, 2)]
    assert all(0 <= METRICS[name](counts) <= 1 for counts in some)


def test_metric_does_not_care_about_true_negatives(name: str) -> None:
    assert METRICS[name](Counts(6, 2, 4, 0)) == METRICS[name](WORKED)


def test_swapping_prediction_and_truth_keeps_dice_and_iou_and_swaps_recall_and_precision() -> None:
    swapped = Counts(6, 4, 2, 100)
    assert METRICS["dice"](swapped) == METRICS["dice"](WORKED)
    assert METRICS["iou"](swapped) == METRICS["iou"](WORKED)
    assert METRICS["recall"](swapped) == METRICS["precision"](WORKED)


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64, np.float32])
def test_pixels_are_counted_by_hand(kind: type) -> None:
    prediction = np.array([[1, 1, 0], [0, 1, 0]], dtype=kind)
    truth = np.array([[1, 0, 0], [1, 1, 0]], dtype=kind)
    assert count(prediction, truth) == Counts(2, 1, 1, 2)


def test_counts_of_slices_add_up_to_the_counts_of_the_volume() -> None:
    random = np.random.default_rng(0)
    prediction, truth = random.integers(0, 2, (2, 3, 4, 5))
    first, second, third = count_slices(prediction, truth)
    assert first + second + third == count(prediction, truth)


def test_other_values_than_zero_and_one_are_refused() -> None:
    truth = np.zeros((2, 2), dtype=np.uint8)
    with refused(InputError, "NOT_BINARY", 255):
        count(truth + 255, truth)


@pytest.mark.parametrize("counter", [count, count_slices])
def test_two_shapes_are_refused(counter: object) -> None:
    with refused(InputError, "SIZES_DIFFER", (1, 2, 2), (2, 2, 2)):
        counter(np.zeros((1, 2, 2)), np.zeros((2, 2, 2)))  # type: ignore[operator]


def test_three_ways_to_average_give_three_answers() -> None:
    # Dice of the slices: 1 and 0 in the first case, 2·1/(2+1+1) = 1/2 in the second.
    small = [Counts(true_positive=1), Counts(false_negative=2), Counts(true_negative=50)]
    large = [Counts(true_positive=1, false_positive=1, false_negative=1)]
    result = agreement([small, large])
    assert result.per_slice["dice"] == pytest.approx((1 + 0 + 1 / 2) / 3)
    # Summed per case: 2·1/(2+2) = 1/2 and 1/2; summed over all: 2·2/(4+1+3) = 1/2.
    assert result.per_case["dice"] == pytest.approx(1 / 2)
    assert result.pooled["dice"] == pytest.approx(1 / 2)
    # Recall: slices 1, 0, 1/2; cases 1/3, 1/2; pooled 2/5.
    assert result.per_slice["recall"] == pytest.approx(1 / 2)
    assert result.per_case["recall"] == pytest.approx((1 / 3 + 1 / 2) / 2)
    assert result.pooled["recall"] == pytest.approx(2 / 5)


def test_slices_and_cases_empty_on_both_sides_are_left_out_and_counted() -> None:
    empty = Counts(true_negative=7)
    result = agreement([[empty, Counts(false_positive=1)], [empty, empty]])
    assert (result.slices, result.empty_slices) == (1, 3)
    assert (result.cases, result.empty_cases) == (1, 1)
    assert result.per_slice["dice"] == result.per_case["dice"] == 0


def test_nothing_to_find_anywhere_and_nothing_found_is_one() -> None:
    result = agreement([[Counts(true_negative=7)]])
    assert set(result.per_slice) == set(result.per_case) == set(result.pooled) == set(METRICS)
    assert {*result.per_slice.values(), *result.per_case.values(), *result.pooled.values()} == {1}


def test_no_slices_at_all_are_refused() -> None:
    with refused(InputError, "NOTHING_TO_COMPARE"):
        agreement([[]])
