from statistics import fmean

import numpy as np
import pytest
from tests.refusals import refused

from afunet.errors import InputError
from afunet.evaluation.overlap import METRICS, Counts, agreement
from afunet.evaluation.slice_score import SliceScore
from afunet.evaluation.statistics import (
    averages,
    dice_by,
    difference,
    draw_units,
    estimates,
    holm,
    mean_over_units,
    paired_t,
    paired_wilcoxon,
    patient_sums,
)

WAYS = ("per_slice", "per_case", "pooled")


def scored(
    patient: str, case: str, level: int, found: int, false: int = 0, missed: int = 0
) -> SliceScore:
    counts = Counts(found, false, missed, 1000 - found - false - missed)
    return SliceScore(case, patient, level, counts, 0, 0, 0)


# Patient p has two cases, q one; Dice of the slices: 1, 2/3, 1/2, 0 and an empty slice.
SCORES = [
    scored("p", "pL", 0, found=10),
    scored("p", "pL", 1, found=10, false=10),
    scored("p", "pR", 0, found=10, false=10, missed=10),
    scored("q", "q", 0, found=0, missed=5),
    scored("q", "q", 1, found=0),
]


def dice(way: str, weights: list[int]) -> float:
    return float(averages(patient_sums(SCORES), np.array([weights]))[way][0, 0])


def test_averages_are_those_of_agreement_with_every_patient_once() -> None:
    cases = [[s.counts for s in SCORES if s.case == case] for case in ("pL", "pR", "q")]
    expected = agreement(cases)
    found = averages(patient_sums(SCORES), np.array([[1, 1]]))
    for way in WAYS:
        assert found[way][0] == pytest.approx(list(getattr(expected, way).values()))


def test_a_patient_counts_as_often_as_he_is_drawn_with_all_his_slices() -> None:
    """Case Dice: pL 40/50, pR 1/2, q 0. Pooled p: 60/90; with q twice 60/100."""
    assert dice("per_slice", [2, 0]) == pytest.approx((1 + 2 / 3 + 1 / 2) / 3)
    assert dice("per_slice", [1, 2]) == pytest.approx((1 + 2 / 3 + 1 / 2 + 0 + 0) / 5)
    assert dice("per_case", [1, 2]) == pytest.approx((0.8 + 0.5 + 0 + 0) / 4)
    assert dice("pooled", [1, 2]) == pytest.approx(60 / 100)
    assert dice("pooled", [0, 1]) == 0


def test_where_nothing_was_to_find_and_nothing_found_all_is_one() -> None:
    sums = patient_sums([scored("p", "p", 0, found=0)])
    for values in averages(sums, np.array([[1]])).values():
        assert values.tolist() == [[1.0] * len(METRICS)]


def test_every_bootstrap_sample_has_as_many_patients_as_there_are() -> None:
    draws = draw_units(5, 300, seed=1)
    assert draws.shape == (300, 5)
    assert set(draws.sum(axis=1)) == {5}
    assert draws.mean(axis=0) == pytest.approx(np.ones(5), abs=0.2)
    assert np.array_equal(draws, draw_units(5, 300, seed=1))


def test_two_patients_give_the_interval_from_the_worse_to_the_better() -> None:
    """Each is drawn twice in a quarter of the samples: far beyond the outer 2.5 %."""
    two = [scored("p", "p", 0, found=10), scored("q", "q", 0, found=10, false=20)]
    estimate = estimates([two])["per_case"]["dice"]
    assert estimate.value == pytest.approx(0.75)
    assert (estimate.low, estimate.high) == (pytest.approx(0.5), pytest.approx(1.0))
    assert estimate.seed_sd is None


def test_one_patient_gives_no_interval() -> None:
    estimate = estimates([[scored("p", "p", 0, found=10)]])["pooled"]["iou"]
    assert (estimate.value, estimate.low, estimate.high) == (1.0, None, None)


def test_seeds_are_averaged_and_their_spread_told() -> None:
    """Dice 1 and 1/2: mean 0.75, sample standard deviation √(2 · 0.25²) = 0.3536."""
    first, second = scored("p", "p", 0, found=10), scored("p", "p", 0, found=10, false=20)
    estimate = estimates([[first], [second]])["per_slice"]["dice"]
    assert estimate.value == pytest.approx(0.75)
    assert estimate.seed_sd == pytest.approx(0.35355, abs=1e-5)


def test_a_difference_is_taken_on_the_same_drawn_patients() -> None:
    """Both rows vary from patient to patient, but ours is 0.1 better for each: no spread."""
    theirs = [scored("p", "p", 0, found=40, missed=20), scored("q", "q", 0, found=30, missed=40)]
    ours = [scored("p", "p", 0, found=45, missed=10), scored("q", "q", 0, found=35, missed=30)]
    assert [METRICS["dice"](score.counts) for score in theirs] == [0.8, 0.6]
    assert [METRICS["dice"](score.counts) for score in ours] == [0.9, 0.7]
    found = difference([ours], [theirs])
    assert (found.value, found.low, found.high) == pytest.approx((0.1, 0.1, 0.1))


def test_dice_is_told_by_slice_case_and_patient() -> None:
    assert dice_by([SCORES], "slice") == pytest.approx(
        {("pL", 0): 1, ("pL", 1): 2 / 3, ("pR", 0): 0.5, ("q", 0): 0}  # without the empty slice
    )
    assert dice_by([SCORES], "case") == pytest.approx({("pL",): 0.8, ("pR",): 0.5, ("q",): 0})
    assert dice_by([SCORES], "patient") == pytest.approx({("p",): 0.65, ("q",): 0})


def test_without_a_slice_there_is_nothing_to_compare() -> None:
    with refused(InputError, "NOTHING_TO_COMPARE"):
        patient_sums([])


def pair(*differences: float) -> tuple[dict[tuple[object, ...], float], ...]:
    reference = {(place,): 0.5 for place in range(len(differences))}
    return {(place,): 0.5 + d for place, d in enumerate(differences)}, reference


@pytest.mark.parametrize("units", [5, 7])
def test_all_on_one_side_is_the_smallest_p_there_can_be(units: int) -> None:
    test = paired_wilcoxon(*pair(*(0.01 * (place + 1) for place in range(units))))
    assert test.p == pytest.approx(2 / 2**units)
    assert test.smallest_p == pytest.approx(2 / 2**units)
    assert test.pairs == units


def test_wilcoxon_worked_by_hand() -> None:
    """Ranks 1 and 2 negative of 4: rank sum 3 has, of 16 sign patterns, {}, 1, 2, 3, 1+2 below."""
    test = paired_wilcoxon(*pair(-0.01, -0.02, 0.03, 0.04))
    assert test.p == pytest.approx(2 * 5 / 16)


def test_equal_values_are_no_evidence() -> None:
    assert paired_wilcoxon(*pair(0.0, 0.0, 0.0)).p == 1.0


def test_pairs_need_the_same_units() -> None:
    with refused(InputError, "UNITS_DIFFER"):
        paired_wilcoxon({("a",): 1.0}, {("b",): 1.0})
    with refused(InputError, "UNITS_DIFFER"):
        paired_wilcoxon({}, {})


def test_holm_worked_by_hand() -> None:
    """Sorted 0.01·3, 0.02·2, 0.04·1 = 0.03, 0.04, 0.04, given back in the order asked."""
    assert holm([0.04, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])


def test_holm_never_lets_a_larger_p_become_the_smaller() -> None:
    """0.03·2 = 0.06 lies above 0.04·1: the second is lifted to it."""
    assert holm([0.03, 0.04]) == pytest.approx([0.06, 0.06])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([0.03]) == [0.03]
    assert holm([]) == []


def test_means_over_seeds_are_of_the_same_slices() -> None:
    other = [scored(s.patient, s.case, s.level, found=5, missed=5) for s in SCORES]
    both = dice_by([SCORES, other], "slice")
    assert both["pL", 0] == pytest.approx(fmean([1, 2 / 3]))


def test_a_mean_over_units_counts_every_value_and_draws_units() -> None:
    """Units of values (1, 1, 1) and (0): mean 3/4; drawn twice alike 1 or 0."""
    mean = mean_over_units([[1.0, 1.0, 1.0], [], [0.0]])
    assert (mean.value, mean.low, mean.high) == pytest.approx((3 / 4, 0, 1))
    alone = mean_over_units([[0.5, 1.0]])
    assert (alone.value, alone.low, alone.high) == (0.75, None, None)
    with refused(InputError, "NOTHING_TO_COMPARE"):
        mean_over_units([[], []])


def test_the_interval_of_a_mean_over_units_narrows_with_the_units() -> None:
    few = mean_over_units([[0.0], [1.0]] * 3)
    many = mean_over_units([[0.0], [1.0]] * 100)
    assert few.low < many.low < 0.5 < many.high < few.high
    assert many.high - many.low == pytest.approx(2 * 1.96 * 0.5 / np.sqrt(200), rel=0.1)


def of_patients(*dice: float) -> list[SliceScore]:
    """A patient for each value, with 1000 px of which so many are found and no false ones."""
    return [
        scored(f"p{place}", f"p{place}", 0, found=round(500 * d), missed=round(1000 * (1 - d)))
        for place, d in enumerate(dice)
    ]


def test_the_interval_is_over_seeds_too() -> None:
    """Patients all alike, seeds of 0.8 and 0.6: two drawn seeds may be twice the same."""
    estimate = estimates([of_patients(0.8, 0.8, 0.8), of_patients(0.6, 0.6, 0.6)])["per_case"][
        "dice"
    ]
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((0.7, 0.6, 0.8))
    alone = estimates([of_patients(0.8, 0.8, 0.8)])["per_case"]["dice"]
    assert (alone.low, alone.high) == pytest.approx((0.8, 0.8))


def test_the_seeds_of_a_difference_are_paired() -> None:
    """Each seed is 0.1 ahead of the reference's: no spread, though the seeds lie 0.2 apart."""
    ours = [of_patients(0.9, 0.7), of_patients(0.7, 0.5)]
    theirs = [of_patients(0.8, 0.6), of_patients(0.6, 0.4)]
    found = difference(ours, theirs)
    assert (found.value, found.low, found.high) == pytest.approx((0.1, 0.1, 0.1))
    assert found.seed_sd == pytest.approx(0, abs=1e-12)
    against_one = difference(ours, theirs[:1])
    assert against_one.value == pytest.approx(0.0)
    assert against_one.low < -0.05 < 0.05 < against_one.high


def test_the_t_test_worked_by_hand() -> None:
    """Differences 1, 2, 3: mean 2, standard error 1/√3, t = 3.4641 with 2 degrees of freedom."""
    test = paired_t(*pair(1.0, 2.0, 3.0))
    assert test.p == pytest.approx(0.0741799, abs=1e-6)
    assert (test.pairs, test.smallest_p) == (3, 0.0)
    assert paired_t(*pair(0.0, 0.0)).p == 1.0
    assert paired_t(*pair(0.5, 0.5)).p == 0.0
    assert paired_t(*pair(0.5)).p == 1.0
