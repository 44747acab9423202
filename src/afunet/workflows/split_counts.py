"""Counts of cases, patients and slices in each split of a store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from afunet.data.cases import SPLITS, SliceRecord


@dataclass(frozen=True)
class SplitCount:
    """The counts of one split; `with_bone` counts slices."""

    split: str
    cases: int
    patients: int
    slices: int
    with_bone: int


def split_counts(records: Sequence[SliceRecord], bone: Sequence[bool]) -> tuple[SplitCount, ...]:
    """Count each split; `bone` says for each record whether its slice has bone."""
    counts = []
    for split in SPLITS:
        own = [
            (record, has_bone)
            for record, has_bone in zip(records, bone, strict=True)
            if record.split == split
        ]
        counts.append(
            SplitCount(
                split,
                len({record.case for record, _ in own}),
                len({record.patient for record, _ in own}),
                len(own),
                sum(has_bone for _, has_bone in own),
            )
        )
    return tuple(counts)
