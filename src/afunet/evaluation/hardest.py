"""Choice of the hardest slices to show: low Dice, faint bone and small fragments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from afunet.evaluation.slice_score import piece_sizes

LEAST_PIECE_PX = 30  # smaller pieces are specks in the labels


class Difficulty(StrEnum):
    """Why a slice was chosen."""

    LOW_DICE = "lowest mean Dice"
    FAINT = "faintest bone"
    FRAGMENT = "smallest fragment"


@dataclass(frozen=True)
class SliceTraits:
    """The properties of a slice that decide the choice.

    `dice` is the mean over the networks, `bone_grey` the mean grey value (0–255) inside the true
    bone, `fragment_px` the size of the smallest true piece of at least `LEAST_PIECE_PX`.
    """

    case: str
    level: int
    dice: float
    bone_grey: float
    fragment_px: int


def slice_traits(
    grey: NDArray[np.uint8], truth: NDArray[np.bool_], *, case: str, level: int, dice: float
) -> SliceTraits | None:
    """Traits of a slice (H, W); None if the ground truth has no piece of `LEAST_PIECE_PX`."""
    sizes = piece_sizes(truth)
    sizes = sizes[sizes >= LEAST_PIECE_PX]
    if not len(sizes):
        return None
    return SliceTraits(case, level, dice, float(grey[truth].mean()), int(sizes.min()))


RANKS: dict[Difficulty, Callable[[SliceTraits], float]] = {
    Difficulty.LOW_DICE: lambda traits: traits.dice,
    Difficulty.FAINT: lambda traits: traits.bone_grey,
    Difficulty.FRAGMENT: lambda traits: traits.fragment_px,
}


def choose_hardest(
    slices: Sequence[SliceTraits], each: int = 2
) -> list[tuple[Difficulty, SliceTraits]]:
    """The `each` hardest slices for each difficulty, without repeats.

    A case appears twice under one difficulty only if there are not enough other cases.
    """
    chosen: list[tuple[Difficulty, SliceTraits]] = []
    for difficulty, rank in RANKS.items():
        taken = {id(traits) for _, traits in chosen}
        ranked = sorted((item for item in slices if id(item) not in taken), key=rank)
        first_of_case = {item.case: item for item in reversed(ranked)}.values()
        firsts = {id(item) for item in first_of_case}
        ranked.sort(key=lambda item: id(item) not in firsts)  # stable: keeps the order by rank
        chosen += [(difficulty, item) for item in ranked[:each]]
    return chosen
