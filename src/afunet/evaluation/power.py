"""How large a difference so many patients could show, and how many patients it would take.

Computed for the paired t-test, two-sided, from the spread of the patients' differences. Wilcoxon's
test needs a little more; with few patients it cannot reach a level at all (`wilcoxon_patients`).
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from math import ceil, inf, log2, sqrt

ALPHA, WANTED = 0.05, 0.8
MOST_PATIENTS = 10_000


@dataclass(frozen=True)
class Power:
    """What a paired comparison of so many patients can show, at the level `alpha`.

    `sd` is the standard deviation of the patients' differences. A true mean difference of
    `detectable` is found with 80 % probability; None for fewer than two patients. `needed` is the
    number of patients with which the difference that was seen would be found so, None above 10,000.
    `wilcoxon_patients` is the fewest with which Wilcoxon's test can fall to `alpha`.
    """

    patients: int
    alpha: float
    sd: float
    detectable: float | None
    needed: int | None
    wilcoxon_patients: int


def power_of(differences: list[float], tests: int = 1) -> Power:
    """The power of one of several `tests` that are corrected together (Holm's first step)."""
    patients, alpha = len(differences), ALPHA / tests
    mean = sum(differences) / patients
    square = sum((one - mean) ** 2 for one in differences)
    sd = sqrt(square / (patients - 1)) if patients > 1 else 0.0
    return Power(
        patients,
        alpha,
        sd,
        detectable(patients, sd, alpha) if patients > 1 else None,
        needed(abs(mean), sd, alpha),
        ceil(log2(2 / alpha)),
    )


def found(effect: float, patients: int, alpha: float = ALPHA) -> float:
    """The probability that a true mean difference of `effect` standard deviations is found."""
    from scipy import stats  # a third of a second, for this alone

    if effect == 0:
        return alpha
    # t² has the F distribution; the F distribution's tails are computed more safely than t's.
    limit = stats.t.ppf(1 - alpha / 2, patients - 1) ** 2
    return float(stats.ncf.sf(limit, 1, patients - 1, patients * effect**2))


def detectable(patients: int, sd: float, alpha: float = ALPHA) -> float:
    """The true mean difference that is found with 80 % probability, in the units of `sd`."""
    from scipy.optimize import brentq

    if sd == 0:
        return 0.0
    highest = 1.0
    while found(highest, patients, alpha) < WANTED:
        highest *= 2
    return sd * float(brentq(lambda effect: found(effect, patients, alpha) - WANTED, 0, highest))


def needed(difference: float, sd: float, alpha: float = ALPHA) -> int | None:
    """The fewest patients that show this mean difference with 80 % probability, or None."""
    effect = inf if sd == 0 else difference / sd
    if difference == 0 or effect < 1e-9:
        return None
    effect = min(effect, 100.0)
    enough = bisect_left(
        range(2, MOST_PATIENTS + 1), WANTED, key=lambda patients: found(effect, patients, alpha)
    )
    return enough + 2 if enough + 2 <= MOST_PATIENTS else None
