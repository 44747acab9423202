"""Who trains, who validates, who tests: worked by hand and by counting."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

import pytest
from tests.refusals import refused

from afunet.data.cases import SliceRecord, refuse_leaks
from afunet.data.splits import SPLIT_RULES, Assigned, SplitChoice, assign_splits
from afunet.errors import ConfigError, InputError


def cohort(patients: int, volumes: int = 1, slices: int = 2, split: str = "") -> list[SliceRecord]:
    return [
        SliceRecord(f"c{p:02d}-{v}", f"p{p:02d}", level, split, "x", fingerprint=f"{p}-{v}-{level}")
        for p in range(patients)
        for v in range(volumes)
        for level in range(slices)
    ]


def split_of(assigned: Assigned) -> dict[str, str]:
    return {record.patient: record.split for record in assigned.records}


def count(assigned: Assigned, split: str) -> int:
    return list(split_of(assigned).values()).count(split)


@pytest.mark.parametrize("rule", SPLIT_RULES)
def test_every_rule_keeps_all_slices_in_order_and_leaks_nothing(rule: str) -> None:
    records = cohort(20, split="train" if rule == "as-given" else "")
    assigned = assign_splits(records, SplitChoice(rule))
    assert [(r.case, r.level) for r in assigned.records] == [(r.case, r.level) for r in records]
    assert {record.split for record in assigned.records} <= {"train", "val", "test"}
    refuse_leaks(assigned.records)


@pytest.mark.parametrize("rule", sorted(set(SPLIT_RULES) - {"as-given"}))
def test_the_same_seed_draws_the_same_and_another_does_not(rule: str) -> None:
    records = cohort(20)
    first, again, other = (
        assign_splits(records, SplitChoice(rule, seed=seed)).records for seed in (3, 3, 4)
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("patients", "train", "val", "test"),
    [(1, 1, 0, 0), (2, 1, 1, 0), (3, 1, 1, 1), (4, 2, 1, 1), (20, 14, 3, 3)],
)
def test_by_patient_gives_shares_but_one_to_each_split_where_there_are_enough(
    patients: int, train: int, val: int, test: int
) -> None:
    assigned = assign_splits(cohort(patients), SplitChoice("by-patient"))
    assert [count(assigned, name) for name in ("train", "val", "test")] == [train, val, test]


def test_a_share_of_nothing_gives_nothing() -> None:
    assigned = assign_splits(cohort(3), SplitChoice("by-patient", val=0.3, test=0))
    assert [count(assigned, name) for name in ("train", "val", "test")] == [2, 1, 0]


def test_a_split_that_training_needs_and_lacks_is_said() -> None:
    (warning,) = assign_splits(cohort(1), SplitChoice()).warnings
    assert "'val'" in warning
    assert assign_splits(cohort(2), SplitChoice()).warnings == ()


def test_auto_keeps_given_splits_and_draws_the_others() -> None:
    given = cohort(4, split="test")
    free = [replace(r, patient=f"new{r.patient}", case=f"new{r.case}") for r in cohort(3)]
    assigned = assign_splits([*given, *free], SplitChoice())
    assert {split_of(assigned)[record.patient] for record in given} == {"test"}
    assert sorted(split_of(assigned)[patient] for patient in {r.patient for r in free}) == [
        "test",
        "train",
        "val",
    ]
    (warning,) = assigned.warnings
    assert warning.startswith("3 ")


def test_auto_gives_a_patients_other_slices_the_split_that_one_has() -> None:
    records = [replace(r, split="val" if r.level else "") for r in cohort(1)]
    assert [r.split for r in assign_splits(records, SplitChoice()).records] == ["val", "val"]


def test_as_given_refuses_cases_without_a_split_and_says_what_to_do() -> None:
    records = [*cohort(2, split="train"), *cohort(3)]
    with refused(InputError, "NO_SPLIT", 3, "--split by-patient"):
        assign_splits(records, SplitChoice("as-given"))


def test_the_papers_split_is_8_to_2_by_slice_and_warns() -> None:
    assigned = assign_splits(cohort(5, slices=20), SplitChoice("paper-8:2-by-slice"))
    splits = [record.split for record in assigned.records]
    assert (splits.count("train"), splits.count("val")) == (80, 20)
    both = {r.patient for r in assigned.records if r.split == "val"}
    assert both & {r.patient for r in assigned.records if r.split == "train"}
    assert all(record.by_slice for record in assigned.records)
    assert len(assigned.warnings) == 1


def test_the_papers_split_never_puts_one_image_on_both_sides() -> None:
    twice = [replace(r, fingerprint=str(r.level)) for r in cohort(10, slices=10)]
    refuse_leaks(assign_splits(twice, SplitChoice("paper-8:2-by-slice")).records)


def published_set() -> list[SliceRecord]:
    """27 volumes of 20 patients: thirteen have one, seven have two."""
    two = [replace(r, case=f"{r.case}b") for r in cohort(7)]
    return [*cohort(20), *two]


def volumes(records: Iterable[SliceRecord], split: str) -> int:
    return len({record.case for record in records if record.split == split})


@pytest.mark.parametrize("seed", range(5))
def test_perez_carrascos_27_volumes_are_18_and_9_with_whole_patients(seed: int) -> None:
    assigned = assign_splits(published_set(), SplitChoice("perez-carrasco", seed=seed))
    assert volumes(assigned.records, "train") == 18
    assert volumes(assigned.records, "val") == 9
    assert assigned.warnings == ()
    refuse_leaks(assigned.records)


def test_another_number_of_volumes_is_split_by_thirds_and_said() -> None:
    assigned = assign_splits(cohort(6), SplitChoice("perez-carrasco"))
    assert volumes(assigned.records, "val") == 2
    (warning,) = assigned.warnings
    assert [int(number) for number in re.findall(r"\d+", warning)] == [6, 6, 27, 20, 4, 2]


def test_patients_of_three_volumes_are_never_broken_to_reach_the_number() -> None:
    # 9 volumes of 3 patients: a third are 3, one patient's.
    assigned = assign_splits(cohort(3, volumes=3), SplitChoice("perez-carrasco"))
    assert volumes(assigned.records, "val") == 3
    refuse_leaks(assigned.records)


def test_unknown_rules_and_impossible_shares_are_refused() -> None:
    with refused(ConfigError, "CONFIG_ERROR", "'random'", "auto, as-given"):
        SplitChoice("random")
    for shares in ((0.5, 0.5), (-0.1, 0.2), (float("nan"), 0.1)):
        with refused(ConfigError, "CONFIG_ERROR"):
            SplitChoice(val=shares[0], test=shares[1])
