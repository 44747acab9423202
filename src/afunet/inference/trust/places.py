"""The places that a flag points to: runs of slices, and the worst place within one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from afunet.inference.trust.evidence import Evidence, Place, place_of

Box = tuple[int, int, int, int]
APART = 2  # slices; up to this distance they are one place
MOST_NAMED = 3


@dataclass(frozen=True)
class Run:
    """Neighbouring slices with one problem: the first, the last and the worst of them.

    `doubt` is their number of doubtful pixels.
    """

    first: int
    last: int
    worst: int
    doubt: float


def runs_of(doubt: Mapping[int, float]) -> list[Run]:
    """Group slices with doubtful pixels into runs, the most doubtful run first."""
    groups: list[list[int]] = []
    for index in sorted(doubt):
        if groups and index - groups[-1][-1] <= APART:
            groups[-1].append(index)
        else:
            groups.append([index])
    runs = [
        Run(
            group[0],
            group[-1],
            max(group, key=lambda index: doubt[index]),
            sum(doubt[index] for index in group),
        )
        for group in groups
    ]
    return sorted(runs, key=lambda run: -run.doubt)


def runs_text(evidence: Evidence, runs: Sequence[Run]) -> str:
    """The first `MOST_NAMED` runs in words, in their order, and how many more there are."""
    named = [slices_text(evidence, run.first, run.last) for run in runs[:MOST_NAMED]]
    more = len(runs) - len(named)
    if more:
        named.append(f"{more} more place{plural(more)}")
    return listed(named)


def slices_text(evidence: Evidence, first: int, last: int) -> str:
    """One slice or a range of slices in words, numbered as in a viewer."""
    low, high = sorted((evidence.number(first), evidence.number(last)))
    return f"slice {low}" if low == high else f"slices {low} to {high}"


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([*([", ".join(words[:-1])] if words[1:] else []), *words[-1:]])


def plural(count: int) -> str:
    """The ending of a noun after this count."""
    return "" if count == 1 else "s"


def box_of(place: Place | None) -> Box | None:
    """The place as (first row, first column, end row, end column)."""
    if place is None:
        return None
    rows, columns = place
    return int(rows.start), int(columns.start), int(rows.stop), int(columns.stop)


def largest_patch(marked: NDArray[np.bool_], weight: NDArray[Any] | None = None) -> Box | None:
    """The box of the largest connected patch of a plane, by weight or number of pixels."""
    patches, count = ndimage.label(marked, structure=np.ones((3, 3)))
    if count == 0:
        return None
    weights = None if weight is None else weight.ravel()
    sums = np.bincount(patches.ravel(), weights)
    sums[0] = -1
    return box_of(place_of(patches == int(sums.argmax())))


def fullest_slice(marked: NDArray[np.bool_]) -> int:
    """The slice of a volume with the most marked pixels."""
    return int(marked.reshape(len(marked), -1).sum(axis=1).argmax())
