"""Splitting patients into training, validation (chooses the best step) and test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from afunet.data.cases import SliceRecord
from afunet.errors import ConfigError, InputError

AUTO, AS_GIVEN = "auto", "as-given"
PEREZ_VOLUMES, PEREZ_PATIENTS, PEREZ_VALIDATION = 27, 20, 9
PAPER_TRAIN_SHARE = 0.8


@dataclass(frozen=True)
class SplitChoice:
    """A rule by its name, the seed of its draw, and the shares of patients for val and test."""

    rule: str = AUTO
    seed: int = 0
    val: float = 0.15
    test: float = 0.15

    def __post_init__(self) -> None:
        if self.rule not in SPLIT_RULES:
            raise ConfigError(f"unknown split rule {self.rule!r}: choose {', '.join(SPLIT_RULES)}")
        if not (self.val >= 0 and self.test >= 0 and self.val + self.test < 1):
            raise ConfigError(
                f"val ({self.val}) and test ({self.test}) must leave a share for training"
            )

    @property
    def keeps_given(self) -> bool:
        """Whether the rule keeps the splits of the data set."""
        return self.rule in (AUTO, AS_GIVEN)


@dataclass(frozen=True)
class Assigned:
    """The records with their splits, and warnings for the user."""

    records: tuple[SliceRecord, ...]
    warnings: tuple[str, ...] = ()


def assign_splits(records: Sequence[SliceRecord], choice: SplitChoice) -> Assigned:
    """Give every slice a split by the chosen rule; the order of the records is kept."""
    return SPLIT_RULES[choice.rule](records, choice)


def _auto(records: Sequence[SliceRecord], choice: SplitChoice) -> Assigned:
    """Keep given splits and draw splits for the other patients."""
    given = {record.patient: record.split for record in records if record.split}
    if not given:
        return _by_patient(records, choice)
    free = [record for record in records if record.patient not in given]
    drawn = _draw(_patients(free), choice) if free else {}
    kept = tuple(
        record
        if record.split
        else replace(record, split=given.get(record.patient) or drawn[record.patient])
        for record in records
    )
    several = len(drawn) > 1
    note = f"{len(drawn)} patient{'s have' if several else ' has'} no given split: drawn at random"
    return Assigned(kept, (note, *_missing(kept)) if drawn else _missing(kept))


def _as_given(records: Sequence[SliceRecord], choice: SplitChoice) -> Assigned:
    """Keep given splits; `InputError` if one is missing."""
    cases = {record.case for record in records}
    without = {record.case for record in records if not record.split}
    if without:
        raise InputError(
            f"{len(without)} of {len(cases)} cases have no split: give them one in slices.csv or "
            "cases.csv (docs/data.md), or use --split by-patient",
            code="NO_SPLIT",
        )
    return Assigned(tuple(records), _missing(records))


def _by_patient(records: Sequence[SliceRecord], choice: SplitChoice) -> Assigned:
    """Draw new splits of whole patients; every split gets a patient if there are enough."""
    drawn = _draw(_patients(records), choice)
    split = tuple(replace(record, split=drawn[record.patient]) for record in records)
    return Assigned(split, _missing(split))


def _paper(records: Sequence[SliceRecord], choice: SplitChoice) -> Assigned:
    """The paper's 8:2 split by slice: a patient may be in both splits, but no image is."""
    units = [record.fingerprint or f"{record.case}/{record.level}" for record in records]
    order = list(dict.fromkeys(units))
    np.random.default_rng(choice.seed).shuffle(order)
    training = set(order[: round(PAPER_TRAIN_SHARE * len(order))])
    split = tuple(
        replace(record, split="train" if unit in training else "val", by_slice=True)
        for record, unit in zip(records, units, strict=True)
    )
    warning = (
        "split slice by slice, as in the paper: both splits hold neighbouring slices of one "
        "patient, so every score is too good (docs/data.md); compare it with the paper only"
    )
    return Assigned(split, (warning, *_missing(split)))


def _perez_carrasco(records: Sequence[SliceRecord], choice: SplitChoice) -> Assigned:
    """18 volumes train, 9 validate, by whole patients; in sets of another size a third validate."""
    volumes: dict[str, set[str]] = {}
    for record in records:
        volumes.setdefault(record.patient, set()).add(record.case)
    counts = {patient: len(volumes[patient]) for patient in sorted(volumes)}
    total = sum(counts.values())
    wanted = PEREZ_VALIDATION if total == PEREZ_VOLUMES else round(total / 3)
    validation = _patients_holding(wanted, counts, choice.seed)
    split = tuple(
        replace(record, split="val" if record.patient in validation else "train")
        for record in records
    )
    held = sum(counts[patient] for patient in validation)
    warnings = list(_missing(split, wanted=("train", "val")))
    if (total, len(counts), held) != (PEREZ_VOLUMES, PEREZ_PATIENTS, PEREZ_VALIDATION):
        warnings.append(
            f"found {total} volumes of {len(counts)} patients, expected {PEREZ_VOLUMES} of "
            f"{PEREZ_PATIENTS}: {total - held} train and {held} validate"
        )
    return Assigned(split, tuple(warnings))


SPLIT_RULES: dict[str, Callable[[Sequence[SliceRecord], SplitChoice], Assigned]] = {
    AUTO: _auto,
    AS_GIVEN: _as_given,
    "by-patient": _by_patient,
    "paper-8:2-by-slice": _paper,
    "perez-carrasco": _perez_carrasco,
}


def _patients(records: Sequence[SliceRecord]) -> list[str]:
    return sorted({record.patient for record in records})


def _draw(patients: Sequence[str], choice: SplitChoice) -> dict[str, str]:
    """A split for each patient, the same for the same patients and seed."""
    order = np.random.default_rng(choice.seed).permutation(len(patients))
    val, test = _sizes(len(patients), choice)
    splits = ["val"] * val + ["test"] * test + ["train"] * (len(patients) - val - test)
    return {patients[place]: split for place, split in zip(order, splits, strict=True)}


def _sizes(patients: int, choice: SplitChoice) -> tuple[int, int]:
    """How many patients validate and test: their shares, at least one if there are enough."""
    val = min(max(round(choice.val * patients), int(choice.val > 0)), max(patients - 1, 0))
    room = patients - 1 - val
    return val, max(0, min(max(round(choice.test * patients), int(choice.test > 0)), room))


def _patients_holding(volumes: int, counts: Mapping[str, int], seed: int) -> set[str]:
    """Draw patients with `volumes` volumes in total, or the largest possible number below."""
    patients = [str(name) for name in np.random.default_rng(seed).permutation(list(counts))]
    reached: dict[int, tuple[str, ...]] = {0: ()}
    for patient in patients:
        for held, chosen in sorted(reached.items(), reverse=True):
            reached.setdefault(held + counts[patient], (*chosen, patient))
    return set(reached[max(held for held in reached if held <= volumes)])


def _missing(
    records: Sequence[SliceRecord], wanted: Sequence[str] = ("train", "val")
) -> tuple[str, ...]:
    """One line for each split that training needs but that has no slice."""
    present = {record.split for record in records}
    return tuple(f"no slice in split {split!r}" for split in wanted if split not in present)
