"""A scan and its labels as they lie on disk, before anything of them is believed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from afunet.data.slices import LabelledSlice
from afunet.formats.findings import Finding
from afunet.progress import CancelToken


@dataclass(frozen=True)
class Choice:
    """What a user may choose about any layout.

    `bones` are label numbers or structure names (patterns too); empty takes the layout's own
    rule. `fold` picks a fold of nnU-Net's splits_final.json. `allowed_mm` is the range of pixel
    sizes that is kept; others are resampled to the nearer bound, as inference does.
    """

    bones: tuple[str, ...] = ()
    fold: int | None = None
    allowed_mm: tuple[float, float] = (0.35, 0.95)


@dataclass(frozen=True)
class Given:
    """What a data set itself says about a case; "" where it says nothing.

    `simulator` is the version of the simulator that made it, "" for a real scan.
    The names are as found and may identify the patient: `data/patients.py` decides what is kept.
    """

    case: str
    patient: str = ""
    side: str = ""
    region: str = ""
    split: str = ""
    status: str = "given"
    simulator: str = ""


@dataclass(frozen=True)
class LeftOut:
    """A case, or some slices of it, that cannot be used, and why, in one line."""

    case: str
    reason: str


@dataclass(frozen=True, eq=False)
class Content:
    """The usable slices of a case (one plane each, by level), what was left out and noticed."""

    slices: tuple[LabelledSlice, ...]
    left_out: tuple[LeftOut, ...] = ()
    findings: tuple[Finding, ...] = ()


class Pair(Protocol):
    """One case of a layout: found, named, not yet read."""

    @property
    def given(self) -> Given:
        """What the data set says about it."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """Its files and folders, the image first."""

    def read(self, choice: Choice, cancel: CancelToken) -> Content:
        """Its slices in the bone window on the working grid; `AfunetError` for a bad pair."""


@dataclass(frozen=True)
class Found:
    """The pairs of a source by name, and what could not even be paired."""

    pairs: tuple[Pair, ...]
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True)
class Layout:
    """One way to lay out a data set: how it is recognised and what pairs it holds."""

    detect: Callable[[Path], bool]
    pairs: Callable[[Path, Choice], Found]


def by_level(slices: Sequence[LabelledSlice]) -> tuple[LabelledSlice, ...]:
    """The slices in the order of their levels."""
    return tuple(sorted(slices, key=lambda item: item.record.level))


def at_level(item: LabelledSlice, level: int) -> LabelledSlice:
    """The same slice at another level."""
    return replace(item, record=replace(item.record, level=level))
