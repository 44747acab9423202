"""Statistics of a comparison: intervals over patients and seeds, paired tests, Holm's correction.

Slices of one patient resemble each other, so the bootstrap resamples patients, not slices; and
networks of one seed are one draw of a training, so it resamples seeds too. Both are drawn apart, as
every seed scored every patient (the crossed bootstrap of Owen 2007).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np
from numpy.typing import NDArray

from afunet.errors import InputError
from afunet.evaluation.overlap import METRICS, Counts, sum_counts
from afunet.evaluation.slice_score import SliceScore

DRAWS = 4000
SEED = 20230
CONFIDENCE = 0.95
Floats = NDArray[np.float64]
ByUnit = Mapping[tuple[object, ...], float]
"""Dice by the key of a slice, case or patient."""


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval, None for fewer than two patients.

    The interval is over patients. With several seeds, `value` is their mean, `seed_sd` their
    standard deviation, and the interval is that of the mean over patients and seeds.
    """

    value: float
    low: float | None = None
    high: float | None = None
    seed_sd: float | None = None


@dataclass(frozen=True)
class PairedTest:
    """A test of paired values, two-sided.

    `holm_p` is `p` corrected for the other tests of the same kind, or `p` itself if there are
    none. Even the largest effect cannot go below `smallest_p`: for Wilcoxon's test 2 / 2^pairs,
    the p if all differences have one sign, and 0 for the t-test.
    """

    pairs: int
    p: float
    holm_p: float
    smallest_p: float


@dataclass(frozen=True, eq=False)
class PatientSums:
    """Numerators and denominators of the averages, summed for each of P patients.

    For M metrics, `slice_values` and `case_values` (P, M) are the sums over the patient's slices
    (cases) with bone in either mask, and `slices` and `cases` (P,) their numbers. `counts` (P, 4)
    are pixels in the order of `Counts`.
    """

    slice_values: Floats
    slices: Floats
    case_values: Floats
    cases: Floats
    counts: NDArray[np.int64]


def patients_of(scores: Sequence[SliceScore]) -> list[str]:
    """The patients in a fixed order."""
    return sorted({score.patient for score in scores})


def draw_units(units: int, draws: int = DRAWS, seed: int = SEED) -> NDArray[np.int64]:
    """How often each patient, or each seed, is in each bootstrap sample, (draws, units)."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(units, np.full(units, 1 / units), size=draws)


def patient_sums(scores: Sequence[SliceScore]) -> PatientSums:
    """Sum the slices of one run by patient; `InputError` without slices."""
    if not scores:
        raise InputError("nothing to compare: no slice was scored", code="NOTHING_TO_COMPARE")
    rows = [
        _one_patient([score for score in scores if score.patient == patient])
        for patient in patients_of(scores)
    ]
    slice_values, slices, case_values, cases, counts = zip(*rows, strict=True)
    return PatientSums(
        np.array(slice_values),
        np.array(slices, dtype=np.float64),
        np.array(case_values),
        np.array(cases, dtype=np.float64),
        np.array(counts, dtype=np.int64),
    )


def averages(sums: PatientSums, weights: NDArray[np.int64]) -> dict[str, Floats]:
    """The averages of each way, (B, M), with patients counted `weights` (B, P) times."""
    pooled = [Counts(*row) for row in (weights @ sums.counts).tolist()]
    return {
        "per_slice": _ratio(weights @ sums.slice_values, weights @ sums.slices),
        "per_case": _ratio(weights @ sums.case_values, weights @ sums.cases),
        "pooled": np.array([[metric(counts) for metric in METRICS.values()] for counts in pooled]),
    }


def estimates(seeds: Sequence[Sequence[SliceScore]]) -> dict[str, dict[str, Estimate]]:
    """Estimates by way of averaging and by metric; every seed scored the same slices."""
    sums = [patient_sums(scores) for scores in seeds]
    points, samples = _over_seeds(sums)
    patients = len(sums[0].slices)
    return {
        way: {
            metric: _estimate(points[way][:, m], samples[way][:, m], patients)
            for m, metric in enumerate(METRICS)
        }
        for way in points
    }


def mean_over_units(values: Sequence[Sequence[float]]) -> Estimate:
    """The mean of all values, and its interval over the units that they come from.

    A unit is a patient, or a case if patients are unknown. The bootstrap draws units with all of
    their values; a unit without values has no effect. `InputError` if there is no value.
    """
    units = [unit for unit in values if len(unit)]
    if not units:
        raise InputError("there is nothing to average", code="NOTHING_TO_COMPARE")
    sums = np.array([[sum(unit)] for unit in units], dtype=np.float64)
    numbers = np.array([len(unit) for unit in units], dtype=np.float64)
    weights = (np.ones((1, len(units)), dtype=np.int64), draw_units(len(units)))
    point, samples = (_ratio(drawn @ sums, drawn @ numbers)[:, 0] for drawn in weights)
    return _estimate(point, samples, len(units))


def difference(
    seeds: Sequence[Sequence[SliceScore]], reference: Sequence[Sequence[SliceScore]]
) -> Estimate:
    """Mean Dice per case minus that of the reference, both on the same bootstrap samples.

    With as many seeds on both sides, the seeds are paired too.
    """
    dice = list(METRICS).index("dice")
    ours, our_samples = _over_seeds([patient_sums(scores) for scores in seeds])
    sums = [patient_sums(scores) for scores in reference]
    theirs, their_samples = _over_seeds(sums)
    paired = len(seeds) == len(reference)
    base = theirs["per_case"][:, dice]
    points = ours["per_case"][:, dice] - (base if paired else base.mean())
    samples = our_samples["per_case"][:, dice] - their_samples["per_case"][:, dice]
    return _estimate(points, samples, len(sums[0].slices))


def dice_by(seeds: Sequence[Sequence[SliceScore]], unit: str) -> dict[tuple[object, ...], float]:
    """Dice of each "slice", "case" or "patient", averaged over seeds.

    A patient's Dice is the mean over the patient's cases. Slices without true bone are left out.
    """
    by_seed = [_UNITS[unit](scores) for scores in seeds]
    return {key: fmean(values[key] for values in by_seed) for key in by_seed[0]}


def paired_wilcoxon(values: ByUnit, reference: ByUnit) -> PairedTest:
    """Wilcoxon's signed-rank test against the reference; `InputError` if their keys differ.

    Equal pairs are left out, as Wilcoxon did; if all are equal, p is 1.
    """
    from scipy import stats  # a third of a second, for the tests alone

    differences = paired_differences(values, reference)
    p = float(stats.wilcoxon(differences).pvalue) if any(differences) else 1.0
    pairs = len(differences)
    return PairedTest(pairs, p, holm_p=p, smallest_p=min(1.0, 2 / 2.0**pairs))


def paired_t(values: ByUnit, reference: ByUnit) -> PairedTest:
    """Student's paired t-test against the reference; `InputError` if their keys differ.

    It takes the differences to be normally distributed. For fewer than two pairs p is 1, for equal
    differences 0, or 1 if they are all 0.
    """
    from scipy import stats

    differences = paired_differences(values, reference)
    if len(differences) < 2:
        p = 1.0
    elif np.ptp(differences) == 0:
        p = 0.0 if differences[0] else 1.0
    else:
        p = float(stats.ttest_1samp(differences, 0.0).pvalue)
    return PairedTest(len(differences), p, holm_p=p, smallest_p=0.0)


def paired_differences(values: ByUnit, reference: ByUnit) -> list[float]:
    """Values minus the reference's, in the order of `values`; `InputError` if their keys differ."""
    if set(values) != set(reference) or not values:
        raise InputError(
            "a paired test needs the same units on both sides, and at least one",
            code="UNITS_DIFFER",
        )
    return [values[key] - reference[key] for key in values]


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p-values, in the order given (Holm 1979)."""
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, (len(p_values) - rank) * p_values[index])
        adjusted[index] = min(1.0, largest)
    return adjusted


def _one_patient(
    scores: Sequence[SliceScore],
) -> tuple[list[float], int, list[float], int, list[int]]:
    slices = [score.counts for score in scores if not score.counts.is_empty]
    cases = [counts for counts in _cases(scores).values() if not counts.is_empty]
    pooled = sum_counts(score.counts for score in scores)
    return _sums(slices), len(slices), _sums(cases), len(cases), _pixels(pooled)


def _pixels(counts: Counts) -> list[int]:
    return [
        counts.true_positive,
        counts.false_positive,
        counts.false_negative,
        counts.true_negative,
    ]


def _sums(many: Sequence[Counts]) -> list[float]:
    return [float(sum(map(metric, many))) for metric in METRICS.values()]


def _cases(scores: Sequence[SliceScore]) -> dict[str, Counts]:
    cases: dict[str, Counts] = {}
    for score in scores:
        cases[score.case] = cases.get(score.case, Counts()) + score.counts
    return cases


def _ratio(sums: Floats, numbers: Floats) -> Floats:
    """Means (B, M) of sums (B, M) over numbers (B,); 1 if there was nothing to find."""
    counted = numbers[:, None]
    return np.where(counted > 0, sums / np.maximum(counted, 1), 1.0)


def _over_seeds(sums: Sequence[PatientSums]) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """The values (seeds, M) and the bootstrap samples of their mean (draws, M)."""
    patients = len(sums[0].slices)
    everyone = np.ones((1, patients), dtype=np.int64)
    draws, shares = draw_units(patients), draw_units(len(sums), seed=SEED + 1) / len(sums)
    points = [averages(one, everyone) for one in sums]
    samples = [averages(one, draws) for one in sums]
    return (
        {way: np.concatenate([point[way] for point in points]) for way in points[0]},
        {
            way: np.einsum("ds,sdm->dm", shares, np.array([sample[way] for sample in samples]))
            for way in samples[0]
        },
    )


def _estimate(points: Floats, samples: Floats, patients: int) -> Estimate:
    values = [float(point) for point in points]
    outside = 100 * (1 - CONFIDENCE) / 2
    low, high = (float(edge) for edge in np.percentile(samples, [outside, 100 - outside]))
    return Estimate(
        value=fmean(values),
        low=low if patients > 1 else None,
        high=high if patients > 1 else None,
        seed_sd=stdev(values) if len(values) > 1 else None,
    )


def _dice_of_slices(scores: Sequence[SliceScore]) -> dict[tuple[object, ...], float]:
    dice = METRICS["dice"]
    return {(one.case, one.level): dice(one.counts) for one in scores if one.has_bone}


def _dice_of_cases(scores: Sequence[SliceScore]) -> dict[tuple[object, ...], float]:
    return {(case,): METRICS["dice"](counts) for case, counts in _cases(scores).items()}


def _dice_of_patients(scores: Sequence[SliceScore]) -> dict[tuple[object, ...], float]:
    return {
        (patient,): fmean(_dice_of_cases([s for s in scores if s.patient == patient]).values())
        for patient in patients_of(scores)
    }


_UNITS = {"slice": _dice_of_slices, "case": _dice_of_cases, "patient": _dice_of_patients}
