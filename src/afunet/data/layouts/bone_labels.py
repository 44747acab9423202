"""Which values of a label volume are bone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afunet.errors import InputError

MOST_NAMED = 6


@dataclass(frozen=True)
class BoneValues:
    """The label values that are bone; `values` None takes all but 0.

    `binary` asks for a 0/1 label, `advice` is what to do about others. A case with a voxel of the
    value `unknown` ("ignore" in nnU-Net) is refused, since a mask cannot say "unknown", and so is
    one with a value beside 0 that is not among those that the set's table declares (`declared`;
    None where there is no table): it may be bone, and would be taught as background.
    """

    values: frozenset[int] | None = None
    binary: bool = False
    advice: str = "name the values that are bone, --bones 1 --bones 2 …, or --bones all"
    unknown: int | None = None
    declared: frozenset[int] | None = None
    table: str = ""

    def mask(self, labels: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Where bone is; `InputError` for values that the rule does not allow."""
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
        return labels != 0 if self.values is None else np.isin(labels, list(self.values))

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


def chosen_values(bones: tuple[str, ...]) -> BoneValues:
    """The rule of `--bones` for label volumes without names: numbers, or "all"."""
    if not bones:
        return BINARY
    if bones == ("all",):
        return ALL
    wrong = [name for name in bones if not name.isdecimal()]
    if wrong:
        raise InputError(
            f"the labels have no names, so --bones takes their numbers or all, got {wrong[0]!r}",
            code="LABELS_UNNAMED",
        )
    return BoneValues(frozenset(int(name) for name in bones))


def _in_words(values: NDArray[np.integer]) -> str:
    named = ", ".join(str(value) for value in values[:MOST_NAMED])
    return named if len(values) <= MOST_NAMED else f"{named} … {values[-1]}"
