"""Make corrections in a label map, one after the other, and note them for the list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from afunet.anatomy.names import UNKNOWN, BoneName
from afunet.errors import ConfigError, InputError
from afunet.fragments.editing import (
    Voxel,
    box_at,
    digest_of_labels,
    erase,
    join,
    paint,
    part,
    require_pieces,
)
from afunet.geometry import Volume, bounding_box
from afunet.geometry.labels import label_sizes
from afunet.workflows.edit_list import DoneEdit, Edit, EditKind, bone_named

LONGEST_NAME = 64


@dataclass(frozen=True, eq=False)
class Paint:
    """New labels of a box of voxels of a label map (slice, row, column) that begins at `first`.

    A label that no piece has makes a new piece of the bone `name` (`bone_named`), of an unknown
    bone without it; 0 erases.
    """

    first: Voxel
    voxels: NDArray[np.integer]
    name: str = ""


Correction: TypeAlias = Edit | Paint


@dataclass(frozen=True, eq=False)
class Corrections:
    """One step of corrections: label map, its digest and its pieces' bones, and what was done.

    `hu` is the scan on the labels' grid; `contact` a probability that fragments touch (`part`).
    `painted` are the labels in the box of a done edit, by its number in `done`.
    """

    step: int
    by: str
    labels: Volume
    digest: str
    names: Mapping[int, BoneName]
    hu: Volume | None = None
    spacing_known: bool = True
    contact: Volume | None = None
    done: tuple[DoneEdit, ...] = ()
    painted: Mapping[int, NDArray[np.integer]] = field(default_factory=dict)

    def with_all(self, corrections: Sequence[Correction]) -> Corrections:
        """Return the state after all of them, one after the other.

        Raises `InputError` for none, if nothing is painted, and as `join`, `part`, `erase` and
        `paint` do; `ConfigError` for an unknown name of a bone.
        """
        if not corrections:
            raise InputError("no correction was given: say what to do", code="NOTHING_GIVEN")
        state = self
        for one in corrections:
            state = state._painted(one) if isinstance(one, Paint) else state._edited(one)
        return state

    def _edited(self, one: Edit) -> Corrections:
        """A part has the name of its piece."""
        labels, names, gone = self.labels, dict(self.names), one.pieces[1:]
        match one.kind:
            case EditKind.JOIN:
                labels = join(labels, one.pieces)
            case EditKind.ERASE:
                labels, gone = erase(labels, one.pieces), one.pieces
            case EditKind.PART:
                labels = part(
                    labels,
                    one.pieces[0],
                    one.seeds_mm,
                    contact=self.contact,
                    scan=self.hu,
                    by_network=self.spacing_known,
                )
                new = range(int(self.labels.voxels.max()) + 1, int(labels.voxels.max()) + 1)
                names |= dict.fromkeys(new, names.get(one.pieces[0], UNKNOWN))
            case EditKind.WHOLE:
                require_pieces(labels, one.pieces)
                gone = ()
            case EditKind.RENAME:
                require_pieces(labels, one.pieces)
                names |= dict.fromkeys(one.pieces, bone_named(one.name))
            case EditKind.PAINT:
                raise ConfigError("an edit has no labels to paint: give a Paint")
        return self._noted(one, labels, {key: names[key] for key in names if key not in gone})

    def _painted(self, one: Paint) -> Corrections:
        """A label that was not there is a new piece."""
        bone = bone_named(one.name) if one.name else UNKNOWN
        labels = paint(self.labels, one.first, one.voxels)
        was = self.labels.voxels[box_at(one.first, one.voxels.shape)]
        differs = was != one.voxels
        changed = bounding_box(differs)
        if changed is None:
            raise InputError("the painted labels are those that are there", code="NOTHING_GIVEN")
        met = {*np.unique(was[differs]).tolist(), *np.unique(one.voxels[differs]).tolist()} - {0}
        before, there = label_sizes(self.labels.voxels), label_sizes(labels.voxels)
        new = [label for label in sorted(met) if not before[label : label + 1].any()]
        names = {
            label: name for label, name in self.names.items() if there[label : label + 1].any()
        }
        box = tuple(
            (int(start) + side.start, int(start) + side.stop)
            for start, side in zip(one.first, changed, strict=True)
        )
        edit = Edit(EditKind.PAINT, tuple(sorted(met)), name=one.name if new else "", box=box)
        noted = self._noted(edit, labels, names | dict.fromkeys(new, bone))
        return replace(noted, painted={**self.painted, len(self.done): one.voxels[changed]})

    def _noted(self, edit: Edit, labels: Volume, names: Mapping[int, BoneName]) -> Corrections:
        digest = self.digest if labels is self.labels else digest_of_labels(labels)
        made = tuple(sorted(names.keys() - self.names.keys()))
        one = DoneEdit(
            edit, self.step, now(), version("afunet"), self.digest, digest, made, by=self.by
        )
        return replace(self, labels=labels, digest=digest, names=names, done=(*self.done, one))


def write_painted(state: Corrections, folder: Path, name: str) -> tuple[DoneEdit, ...]:
    """Write what was painted into `name` below `folder`; return what was done, with the files."""
    done = list(state.done)
    for number, voxels in state.painted.items():
        file = f"{name}/painted-{number}.npz"
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(folder / file, labels=voxels)
        done[number] = replace(done[number], painted=file)
    return tuple(done)


def require_given_name(by: str) -> None:
    """Raise `ConfigError` for a name that is too long or has signs that cannot be printed."""
    if len(by) > LONGEST_NAME or not by.isprintable():
        raise ConfigError(
            f"the name of who corrects has {len(by)} characters, expected at most {LONGEST_NAME} "
            "that can be printed"
        )


def now() -> str:
    """Return the time in UTC, to a second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
