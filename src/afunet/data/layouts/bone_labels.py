"""Which values of a label volume are bone."""

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
    """The label values that are bone and the class of each; `values` None takes all but 0 as 1.

    `binary` asks for a 0/1 label, `advice` is what to do about others. A case with a voxel of the
    value `unknown` ("ignore" in nnU-Net) is refused, since a mask cannot say "unknown", and so is
    one with a value beside 0 that is not among those that the set's table declares (`declared`;
    None where there is no table): it may be bone, and would be taught as background.
    """

    values: Mapping[int, int] | None = None
    binary: bool = False
    advice: str = (
        "name the values that are bone, --bones 1 --bones 2 …, or --bones all, "
        "or tell them apart, --classes tibia=1,fibula=2"
    )
    unknown: int | None = None
    declared: frozenset[int] | None = None
    table: str = ""

    def mask(self, labels: NDArray[np.integer]) -> NDArray[np.uint8]:
        """Classes, 0 where no bone is; `InputError` for values that the rule does not allow."""
        found = np.unique(labels)
        if self.binary and set(found.tolist()) - {0, 1}:
            raise InputError(
                f"the label holds {_in_words(found)}, expected 0 and 1: {self.advice}",
                code="NOT_BINARY",
            )
        if self.unknown is not None and self.unknown in found:
            raise InputError(
                f"the label marks voxels as unknown ({self.unknown}): label them",
                code="LABEL_UNKNOWN",
            )
        if found[0] < 0:
            raise InputError(
                f"the label holds {_in_words(found)}, expected 0 and above: a mask cannot say 'not "
                "labelled', write such voxels as 0 or label them",
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
                f"declares {named}): name it there, or write the label with the values declared",
                code="LABEL_UNKNOWN",
            )


BINARY = BoneValues(binary=True)
ALL = BoneValues()


def chosen_values(choice: Choice, named: Named | None = None) -> BoneValues:
    """The rule of a choice for label volumes, `named` being the values of each name they know.

    Without a choice it is a 0/1 label. Raises `ConfigError` for a name that nothing has.
    """
    if not (choice.bones or choice.classes):
        return BINARY
    if choice.bones == ("all",):
        return ALL
    return BoneValues(class_values(choice, named))


def class_values(choice: Choice, named: Named | None = None) -> dict[int, int]:
    """Label values and the number of their class, 1 for all that is bone where there is one.

    Raises `ConfigError` as `chosen_values` does, and for a value in two classes.
    """
    values: dict[int, int] = {}
    for number, one in enumerate(choice.classes or [LabelClass("bone", choice.bones)], start=1):
        for value in frozenset().union(*(_values(label, named or {}) for label in one.labels)):
            if values.setdefault(value, number) != number:
                raise ConfigError(f"label {value} is in two classes: give it to one")
    return values


def _values(label: str, named: Named) -> frozenset[int]:
    """Of a number, a name or a pattern of names."""
    if label.isdecimal():
        return frozenset({int(label)})
    found = [values for name, values in named.items() if fnmatchcase(name, label)]
    if not found:
        known = f"there are {', '.join(sorted(named))}" if named else "they have numbers alone"
        code = "UNKNOWN_NAME" if named else "LABELS_UNNAMED"
        raise ConfigError(f"no label of the data is called {label!r}, {known}", code=code)
    return frozenset().union(*found)


def _in_words(values: NDArray[np.integer]) -> str:
    named = ", ".join(str(value) for value in values[:MOST_NAMED])
    return named if len(values) <= MOST_NAMED else f"{named} … {values[-1]}"
