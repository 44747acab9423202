"""Power of a paired comparison, against published tables."""

import pytest

from afunet.evaluation.power import detectable, found, needed, power_of


@pytest.mark.parametrize(("effect", "patients"), [(0.2, 199), (0.5, 34), (0.8, 15), (1.0, 10)])
def test_the_sample_sizes_of_the_textbooks(effect: float, patients: int) -> None:
    """Of Cohen's small, medium and large effects (G*Power: paired t, two-sided, 0.05, 80 %)."""
    assert needed(effect, sd=1.0) == patients
    assert found(effect, patients) >= 0.8 > found(effect, patients - 1)


def test_without_an_effect_only_chance_finds_one() -> None:
    assert found(0.0, 12, alpha=0.05) == pytest.approx(0.05)


def test_what_is_detectable_is_found_in_four_of_five() -> None:
    smallest = detectable(5, sd=0.3)
    assert found(smallest / 0.3, 5) == pytest.approx(0.8, abs=1e-9)
    assert smallest == pytest.approx(0.3 * 1.68, abs=0.005)
    assert detectable(20, sd=0.3) < smallest < detectable(5, sd=0.3, alpha=0.01)


def test_the_power_of_patients_differences_is_told() -> None:
    """Mean 2, standard deviation 1; one of two tests, so at the level 0.025."""
    power = power_of([1.0, 2.0, 3.0], tests=2)
    assert (power.patients, power.alpha, power.sd) == (3, 0.025, 1.0)
    assert power.detectable == pytest.approx(detectable(3, 1.0, 0.025))
    assert power.needed == needed(2.0, 1.0, 0.025)
    assert power.wilcoxon_patients == 7  # 2 / 2**7 = 0.0156; 2 / 2**6 = 0.031 is above


@pytest.mark.parametrize(
    ("differences", "detectable_then", "needed_then"),
    [([0.0, 0.0], 0.0, None), ([0.1, 0.1], 0.0, 2), ([1e-6, -1e-6, 1e-9], 4e-6, None)],
)
def test_without_spread_or_without_a_difference(
    differences: list[float], detectable_then: float, needed_then: int | None
) -> None:
    power = power_of(differences)
    assert power.detectable == pytest.approx(detectable_then, abs=3e-6)
    assert power.needed == needed_then


def test_one_patient_shows_nothing() -> None:
    power = power_of([0.3])
    assert (power.detectable, power.sd) == (None, 0.0)
