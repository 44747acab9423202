"""A scan and its labels as they lie on disk, before anything of them is believed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from afunet.data.slices import LabelledSlice
from afunet.data.store import BONE
from afunet.errors import ConfigError
from afunet.findings import Finding
from afunet.watch import CancelToken


@dataclass(frozen=True)
class LabelClass:
    """A class of bone and the labels that are it: numbers, names or patterns of names."""

    name: str
    labels: tuple[str, ...]


def parse_classes(text: str) -> tuple[LabelClass, ...]:
    """Classes of "tibia=1,fibula=2"; a name that comes again has all its labels.

    A name alone is its own label. Raises `ConfigError` for an empty name or label.
    """
    labels: dict[str, tuple[str, ...]] = {}
    for part in filter(None, text.split(",")):
        name, given, label = (word.strip() for word in part.partition("="))
        if not name or (given and not label):
            raise ConfigError(f"a class is name=label, as tibia=1, got {part!r}")
        labels[name] = (*labels.get(name, ()), label or name)
    return tuple(LabelClass(name, own) for name, own in labels.items())


@dataclass(frozen=True)
class Choice:
    """What a user may choose about any layout.

    `bones` are label numbers or structure names (patterns too); empty takes the layout's own
    rule. `classes` tells several kinds of bone apart instead, each by labels of its own. `fold`
    picks a fold of nnU-Net's splits_final.json. `allowed_mm` is the range of pixel sizes that is
    kept; others are resampled to the nearer bound, as inference does.
    """

    bones: tuple[str, ...] = ()
    classes: tuple[LabelClass, ...] = ()
    fold: int | None = None
    allowed_mm: tuple[float, float] = (0.35, 0.95)

    def __post_init__(self) -> None:
        if self.bones and self.classes:
            raise ConfigError(
                "give the labels that are bone or those of classes, not both", code="OPTIONS_CLASH"
            )

    @property
    def class_names(self) -> tuple[str, ...]:
        """What the masks' values from 1 on mean."""
        return tuple(one.name for one in self.classes) or BONE


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
