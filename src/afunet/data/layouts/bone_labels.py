"""Rules that say which values of a label volume are bone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray

from afunet.data.layouts.pair import Choice, LabelClass
from afunet.errors import ConfigError, InputError

Named = Mapping[str, frozenset[int]]
MOST_NAMED = 6


@dataclass(frozen=True)
class BoneValues:
    """The label values that are bone and the class of each; `values` None makes all but 0 class 1.

    `binary` requires a 0/1 label; `advice` says what to do with any other. A label is refused if a
    voxel has the value `unknown` ("ignore" in nnU-Net), since a mask cannot say "unknown". It is
    also refused if it holds a value besides 0 that the data set's table does not declare
    (`declared`; None without a table): that value may be bone but would be trained as background.
    """

    values: Mapping[int, int] | None = None
    binary: bool = False
    advice: str = (
        "name the values that are bone (--bones 1 --bones 2 …, or --bones all), "
        "or give them classes (--classes tibia=1,fibula=2)"
    )
    unknown: int | None = None
    declared: frozenset[int] | None = None
    table: str = ""

    def mask(self, labels: NDArray[np.integer]) -> NDArray[np.uint8]:
        """Classes, 0 being background; `InputError` for values that the rule does not allow."""
        found = np.unique(labels)
        if self.binary and set(found.tolist()) - {0, 1}:
            raise InputError(
                f"the label holds {_in_words(found)}, expected 0 and 1: {self.advice}",
                code="NOT_BINARY",
            )
        if self.unknown is not None and self.unknown in found:
            raise InputError(
                f"the label marks voxels as unknown (value {self.unknown}): label them as bone or "
                "background",
                code="LABEL_UNKNOWN",
            )
        if found[0] < 0:
            raise InputError(
                f"the label holds {_in_words(found)}, expected 0 and above: a mask cannot say 'not "
                "labelled'; label such voxels as bone or as 0",
                code="NEGATIVE_LABELS",
            )
        self._require_declared(found)
        if self.values is None:
            return np.asarray(labels != 0, dtype=np.uint8)
        classes: NDArray[np.uint8] = np.zeros(labels.shape, dtype=np.uint8)
        for value, number in self.values.items():
            classes[labels == value] = number
        return classes

    def _require_declared(self, found: NDArray[np.integer]) -> None:
        if self.declared is None:
            return
        undeclared = np.setdiff1d(found, [0, *self.declared])
        if len(undeclared):
            named = _in_words(np.array(sorted({0, *self.declared})))
            raise InputError(
                f"the label holds {_in_words(undeclared)}, which {self.table} does not declare (it "
                f"declares {named}): declare it there, or use only declared values in the label",
                code="LABEL_UNKNOWN",
            )


BINARY = BoneValues(binary=True)
ALL = BoneValues()


def chosen_values(choice: Choice, named: Named | None = None) -> BoneValues:
    """The rule that the user's choice gives; `named` maps the data set's names to label values.

    Without a choice, the label must be 0/1. Raises `ConfigError` for an unknown name.
    """
    if not (choice.bones or choice.classes):
        return BINARY
    if choice.bones == ("all",):
        return ALL
    return BoneValues(class_values(choice, named))


def class_values(choice: Choice, named: Named | None = None) -> dict[int, int]:
    """Label values and the number of the class of each; without classes, all bone is class 1.

    Raises `ConfigError` as `chosen_values` does, and for a value in two classes.
    """
    values: dict[int, int] = {}
    for number, one in enumerate(choice.classes or [LabelClass("bone", choice.bones)], start=1):
        for value in frozenset().union(*(_values(label, named or {}) for label in one.labels)):
            if values.setdefault(value, number) != number:
                raise ConfigError(f"label {value} is in two classes: keep it in one")
    return values


def _values(label: str, named: Named) -> frozenset[int]:
    """The label values of a number, a name or a pattern of names."""
    if label.isdecimal():
        return frozenset({int(label)})
    found = [values for name, values in named.items() if fnmatchcase(name, label)]
    if not found:
        known = f"choose from {', '.join(sorted(named))}" if named else "give a number"
        code = "UNKNOWN_NAME" if named else "LABELS_UNNAMED"
        raise ConfigError(f"the data has no label named {label!r}: {known}", code=code)
    return frozenset().union(*found)


def _in_words(values: NDArray[np.integer]) -> str:
    named = ", ".join(str(value) for value in values[:MOST_NAMED])
    return named if len(values) <= MOST_NAMED else f"{named} … {values[-1]}"
