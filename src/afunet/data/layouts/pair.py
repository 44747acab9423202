"""A scan and its labels as files on disk, not yet read or checked."""

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
    """A class of bone and the labels that belong to it: numbers, names or patterns of names."""

    name: str
    labels: tuple[str, ...]


def parse_classes(text: str) -> tuple[LabelClass, ...]:
    """Parse classes such as "tibia=1,fibula=2"; a repeated name collects all its labels.

    A name without "=" is its own label. Raises `ConfigError` for an empty name or label.
    """
    labels: dict[str, tuple[str, ...]] = {}
    for part in filter(None, text.split(",")):
        name, given, label = (word.strip() for word in part.partition("="))
        if not name or (given and not label):
            raise ConfigError(f"a class must be name=label, such as tibia=1, got {part!r}")
        labels[name] = (*labels.get(name, ()), label or name)
    return tuple(LabelClass(name, own) for name, own in labels.items())


@dataclass(frozen=True)
class Choice:
    """The user's choices, which hold for any layout.

    `bones` are label numbers, structure names or patterns of names; empty means the layout's own
    rule. `classes` instead separates several kinds of bone, each with labels of its own. `fold`
    selects a fold of nnU-Net's splits_final.json. Pixel sizes within `allowed_mm` are kept;
    others are resampled to the nearer bound, as in inference.
    """

    bones: tuple[str, ...] = ()
    classes: tuple[LabelClass, ...] = ()
    fold: int | None = None
    allowed_mm: tuple[float, float] = (0.35, 0.95)

    def __post_init__(self) -> None:
        if self.bones and self.classes:
            raise ConfigError(
                "got both --bones and --classes: give only one of them", code="OPTIONS_CLASH"
            )

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the mask values from 1 on."""
        return tuple(one.name for one in self.classes) or BONE


@dataclass(frozen=True)
class Given:
    """What a data set itself says about a case; "" if it says nothing.

    `simulator` is the version of the simulator that made the case, "" for a real scan. The names
    are unchanged and may identify the patient: `data/patients.py` decides what is kept.
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
    """A case, or some of its slices, that cannot be used, and the reason in one line."""

    case: str
    reason: str


@dataclass(frozen=True, eq=False)
class Content:
    """The usable slices of a case (one plane each, by level), what was left out, and findings."""

    slices: tuple[LabelledSlice, ...]
    left_out: tuple[LeftOut, ...] = ()
    findings: tuple[Finding, ...] = ()


class Pair(Protocol):
    """One case of a layout: its files are known but not yet read."""

    @property
    def given(self) -> Given:
        """What the data set says about the case."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files and folders of the case, the image first."""

    def read(self, choice: Choice, cancel: CancelToken) -> Content:
        """Read the slices in the bone window on the working grid; `AfunetError` for a bad pair."""


@dataclass(frozen=True)
class Found:
    """The pairs of a source by name, and what could not be paired."""

    pairs: tuple[Pair, ...]
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True)
class Layout:
    """One way to arrange a data set: how to recognise it and how to find its pairs."""

    detect: Callable[[Path], bool]
    pairs: Callable[[Path, Choice], Found]


def by_level(slices: Sequence[LabelledSlice]) -> tuple[LabelledSlice, ...]:
    """The slices in the order of their levels."""
    return tuple(sorted(slices, key=lambda item: item.record.level))


def at_level(item: LabelledSlice, level: int) -> LabelledSlice:
    """The same slice at another level."""
    return replace(item, record=replace(item.record, level=level))
