"""Slices in every order, doubled, missing and unevenly spaced."""

from __future__ import annotations

import numpy as np

from .case import Case, Same, doubtful, refused, same
from .files import SERIES_UID, SliceFile, numbered
from .forms import (
    as_series,
    below,
    changed,
    having,
    plain,
    together,
    with_contrast,
    without,
    writing,
)
from .planes import SLICES, STEP_MM, heights_mm, stack

_SHUFFLED = np.random.default_rng(5).permutation(SLICES)
_JITTER_MM = np.random.default_rng(7).uniform(-0.6, 0.6, SLICES)


def _renumbered(numbers: list[int]) -> list[SliceFile]:
    slices = zip(plain(), numbers, strict=True)
    return [file.having(InstanceNumber=number) for file, number in slices]


def _copies(files: list[SliceFile]) -> list[SliceFile]:
    """The same slices with the same series UID, each under a new UID of its own."""
    return as_series(files, SERIES_UID, suffix=1)


def _at(heights: np.ndarray, **elements: object) -> list[SliceFile]:
    return having(numbered(stack(heights=heights)), **elements)


_ONE_OFF_MM = heights_mm() + np.where(np.arange(SLICES) == 41, 0.7, 0.0)
_TWO_STEPS_MM = np.concatenate([np.arange(-47.0, 0.0, 2.0), np.arange(1.0, 50.0, 3.0)])
_TENTHS_MM = np.round(heights_mm(SLICES, 1.85), 1)
_COARSE_MM = heights_mm(24, 4.0)

CASES: dict[str, Case] = {
    "plain": same(writing(plain()), SLICES),
    "numbered from head to feet": same(
        writing(_renumbered(list(range(SLICES, 0, -1)))), SLICES, "REVERSED_ORDER"
    ),
    "numbers shuffled": same(
        writing(_renumbered([int(n) + 1 for n in _SHUFFLED])), SLICES, "MIXED_ORDER"
    ),
    "no instance numbers": same(
        writing(having(plain(), InstanceNumber=None)), SLICES, "NO_INSTANCE_NUMBER"
    ),
    "every instance number is 1": same(writing(having(plain(), InstanceNumber=1)), SLICES),
    "slice location against position": same(
        writing([file.having(SliceLocation=-3.0 * file.number) for file in plain()]), SLICES
    ),
    "stated spacing against positions": same(
        writing(having(plain(), SpacingBetweenSlices=5.0)), SLICES
    ),
    "positions rounded to 0.1 mm": same(writing(_at(_TENTHS_MM)), SLICES),
    "overlapping slices (4 mm thick every 2 mm)": same(
        writing(having(plain(), SliceThickness=2 * STEP_MM)), SLICES, "OVERLAPPING_SLICES"
    ),
    "all files twice": doubtful(
        together(below("A", writing(plain())), below("B", writing(plain()))),
        SLICES,
        "DUPLICATE_SLICES",
    ),
    "three slices copied under new UIDs": doubtful(
        together(writing(plain()), below("copies", writing(_copies(plain()[20:23])))),
        SLICES,
        "DUPLICATE_SLICES",
    ),
    "other pixels at one position": refused(
        together(
            writing(plain()),
            below("more", writing([with_contrast(file) for file in _copies(plain()[20:21])])),
        ),
        "SAME_POSITION",
    ),
    "uneven spacing (jitter of 0.6 mm)": doubtful(
        writing(_at(heights_mm() + _JITTER_MM)), None, "UNEVEN_SPACING"
    ),
    "uneven spacing (2 mm, then 3 mm)": doubtful(
        writing(_at(_TWO_STEPS_MM)), None, "UNEVEN_SPACING"
    ),
    "uneven spacing (one slice off by 0.7 mm)": doubtful(
        writing(_at(_ONE_OFF_MM)), None, "UNEVEN_SPACING"
    ),
    "one slice missing": doubtful(writing(without(plain(), 40)), SLICES, "GAP"),
    "three slices missing in a row": doubtful(writing(without(plain(), 40, 41, 42)), SLICES, "GAP"),
    "three gaps": doubtful(writing(without(plain(), 2, 3, 38, 41, 42)), SLICES, "GAP"),
    "four slices missing in a row": refused(
        writing(without(plain(), 39, 40, 41, 42)), "GAP_TOO_LARGE"
    ),
    "two gaps, one too large": refused(
        writing(without(plain(), 5, 38, 39, 40, 41, 42, 43)), "GAP_TOO_LARGE"
    ),
    "gap of 12 mm (two thick slices missing)": refused(
        writing(without(_at(_COARSE_MM, SliceThickness=4.0), 19, 20)), "GAP_TOO_LARGE"
    ),
    "one slice": Case(
        writing(_at(np.array([36.0]))),
        Same(1, (35.05, 36.95)),
        Same(1, (35.05, 36.95)),
        ("ONE_SLICE",),
    ),
    "five slices": Case(
        writing(_at(np.arange(30.0, 39.0, 2.0))), Same(5, (30.0, 38.0)), Same(5, (30.0, 38.0))
    ),
    "slices without thickness": same(writing(having(plain(), SliceThickness=None)), SLICES),
    "some slices without instance number": same(
        writing(changed(plain(), lambda file: file.having(InstanceNumber=None), range(10, 20))),
        SLICES,
    ),
}
