"""Where to look: runs of slices, and the worst place within one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from afunet.inference.trust.evidence import Evidence, Place, place_of

Box = tuple[int, int, int, int]
APART = 2  # slices; what is nearer is one place
MOST_RUNS = 3


@dataclass(frozen=True)
class Run:
    """Neighbouring slices that something is wrong with: the outer ones, and the worst of them."""

    first: int
    last: int
    worst: int
    value: float


def worst_runs(values: Mapping[int, float], most: int = MOST_RUNS) -> list[Run]:
    """Slices grouped into runs, the worst (largest value) first, at most `most` of them."""
    groups: list[list[int]] = []
    for index in sorted(values):
        if groups and index - groups[-1][-1] <= APART:
            groups[-1].append(index)
        else:
            groups.append([index])
    runs = []
    for group in groups:
        worst = max(group, key=lambda index: values[index])
        runs.append(Run(group[0], group[-1], worst, values[worst]))
    return sorted(runs, key=lambda run: -run.value)[:most]


def slices_text(evidence: Evidence, first: int, last: int) -> str:
    """One slice or a range of slices in words, as a viewer numbers them."""
    low, high = sorted((evidence.number(first), evidence.number(last)))
    return f"slice {low}" if low == high else f"slices {low} to {high}"


def box_of(place: Place | None) -> Box | None:
    """A place as plain numbers."""
    if place is None:
        return None
    rows, columns = place
    return int(rows.start), int(columns.start), int(rows.stop), int(columns.stop)


def largest_patch(marked: NDArray[np.bool_], weight: NDArray[Any] | None = None) -> Box | None:
    """Rows and columns of the connected patch of a plane that holds most, by weight or pixels."""
    patches, count = ndimage.label(marked, structure=np.ones((3, 3)))
    if count == 0:
        return None
    weights = None if weight is None else weight.ravel()
    sums = np.bincount(patches.ravel(), weights)
    sums[0] = -1
    return box_of(place_of(patches == int(sums.argmax())))


def fullest_slice(marked: NDArray[np.bool_]) -> int:
    """The slice of a volume that holds most."""
    return int(marked.reshape(len(marked), -1).sum(axis=1).argmax())
