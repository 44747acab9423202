"""The list of corrections by hand, kept beside the results that they changed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from itertools import combinations
from pathlib import Path
from typing import Any

from afunet.anatomy.bones import Bone, Side
from afunet.anatomy.names import BoneName
from afunet.errors import ConfigError, InputError, OutputError
from afunet.workflows.own_files import inside

EDITS, VERSIONS = "edits.json", "versions"


class EditKind(StrEnum):
    """What a correction does."""

    JOIN = "join"
    PART = "part"
    ERASE = "erase"
    RENAME = "rename"
    PAINT = "paint"
    WHOLE = "whole"


@dataclass(frozen=True)
class Edit:
    """One correction of the pieces with these labels.

    `part` has one piece and a seed in LPS mm for each of its parts. `whole` says that
    pieces which may be broken are not. `rename` has one piece and the
    `name` of a bone, such as "left tibia" (`bone_named`). A list has `paint` with the pieces that
    lost or won voxels and the `box` around those, the first and the end of slices, rows, columns;
    to make one, give a `Paint`. Raises `ConfigError` for no piece, and for several of a kind that
    takes one.
    """

    kind: EditKind
    pieces: tuple[int, ...]
    seeds_mm: tuple[tuple[float, float, float], ...] = ()
    name: str = ""
    box: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        alone = self.kind in (EditKind.PART, EditKind.RENAME)
        if not self.pieces or (alone and len(self.pieces) > 1):
            raise ConfigError(
                f"{self.kind} got {len(self.pieces)} pieces, expected {'one' if alone else 'some'}",
                code="PIECES_MISCOUNTED",
            )

    def __str__(self) -> str:
        """Return the correction in words, such as "part 1 at 3 seeds"."""
        at = f" at {len(self.seeds_mm)} seeds" if self.seeds_mm else ""
        to = f" to {self.name}" if self.name else ""
        return f"{self.kind} {', '.join(map(str, self.pieces))}{at}{to}"


@dataclass(frozen=True)
class DoneEdit:
    """A correction that was made: when (UTC), by which version, and what it changed.

    `before` and `after` are the digests of the label map (`digest_of_labels`). `made` are the new
    labels. Edits of one step were made, and are undone, together; before step n the results that it
    replaced were moved to the folder `versions/n-1`, and the files `added` were not there.
    `painted` is the file with the `labels` of the edit's box (`numpy.load`) while the edit stands.
    `by` and `undone_by` are given names, "" if none was given.
    """

    edit: Edit
    step: int
    when: str
    version: str
    before: str
    after: str
    made: tuple[int, ...] = ()
    replaced: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    undone: str = ""
    painted: str = ""
    by: str = ""
    undone_by: str = ""


@dataclass(frozen=True)
class EditList:
    """All corrections of a folder in their order, and those that were undone since, with when."""

    edits: tuple[DoneEdit, ...] = ()
    undone: tuple[DoneEdit, ...] = ()

    @property
    def last_step(self) -> tuple[DoneEdit, ...]:
        """The edits that the next undo takes back."""
        return tuple(one for one in self.edits if one.step == self.edits[-1].step)

    @property
    def steps(self) -> int:
        """The number of steps that can be undone."""
        return self.edits[-1].step if self.edits else 0

    @property
    def history(self) -> str:
        """What was corrected and undone, as text, without which files that changed."""
        rows = [asdict(one) for one in (*self.edits, *self.undone)]
        files = ("replaced", "added", "painted")
        return json.dumps([{key: row[key] for key in row if key not in files} for row in rows])

    def with_undone(self, when: str, by: str = "") -> EditList:
        """Return the list after the last step was undone."""
        last = self.last_step
        gone = tuple(replace(one, undone=when, undone_by=by, painted="") for one in last)
        return EditList(self.edits[: len(self.edits) - len(last)], (*self.undone, *gone))

    def to_json(self) -> str:
        """Return the list as `read_edits` reads it."""
        return json.dumps(asdict(self), indent=2) + "\n"


def parted_by_hand(edits: Iterable[DoneEdit]) -> frozenset[tuple[int, int]]:
    """Return the pairs of labels that are parts of one piece, the lower first.

    A joined piece is part of all that its pieces were part of. A number that was free may be that
    of a new piece.
    """
    groups: list[set[int]] = []
    for one in edits:
        groups = [group - set(one.made) for group in groups]
        if one.edit.kind not in (EditKind.PART, EditKind.JOIN):
            continue
        met = {*one.edit.pieces, *one.made}
        for group in [group for group in groups if group & met]:
            groups.remove(group)
            met |= group
        if one.edit.kind is EditKind.JOIN:
            met -= {*one.edit.pieces} - {one.edit.pieces[0]}
        groups.append(met)
    return frozenset(pair for group in groups for pair in combinations(sorted(group), 2))


def read_edits(folder: Path) -> EditList:
    """Return a folder's list; empty without one. Raises `InputError` for a broken list."""
    try:
        content = json.loads((folder / EDITS).read_bytes())
        return EditList(*(tuple(map(_done, content[key])) for key in ("edits", "undone")))
    except FileNotFoundError:
        return EditList()
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(
            f"{EDITS} is no list of corrections: move it to another place, or choose the folder of "
            "the results again",
            code="FILE_BROKEN",
        ) from None


def require_unedited(folder: Path) -> None:
    """Raise `OutputError` if a folder holds corrections, which a new run would replace."""
    if (folder / EDITS).is_file() and (edits := read_edits(folder).edits):
        raise OutputError(
            f"{folder} has {len(edits)} corrections by hand, which would be lost: choose another "
            "folder, or undo them with afunet edit",
            code="CORRECTED_BY_HAND",
        )


def bone_named(text: str) -> BoneName:
    """Return the bone of a name such as "left tibia", "pelvis" or "unknown", fully sure.

    Only bones are names, because free text could name a patient. Raises `ConfigError`.
    """
    words = text.lower().split()
    side = Side(words[0]) if words and words[0] in set(Side) else None
    bone = " ".join(words[1:] if side else words)
    known = bone in set(Bone)
    if not known or (side and not Bone(bone).row.sided):
        sides = ", ".join(Side)
        raise ConfigError(
            f"{text!r} is no bone: give one of {', '.join(Bone)}, with {sides} before it if known",
            code="UNKNOWN_NAME",
        )
    named = Bone(bone)
    return BoneName(named, side, float(named is not Bone.UNKNOWN), float(side is not None))


def _done(entry: Mapping[str, Any]) -> DoneEdit:
    own = dict(entry["edit"])
    seeds = tuple((float(x), float(y), float(z)) for x, y, z in own["seeds_mm"])
    box = tuple((int(first), int(end)) for first, end in own["box"])
    pieces = tuple(map(int, own["pieces"]))
    edit = Edit(EditKind(own["kind"]), pieces, seeds, str(own["name"]), box)
    lists = {key: tuple(map(inside, entry[key])) for key in ("replaced", "added")}
    painted = entry["painted"] and inside(entry["painted"])
    made = tuple(map(int, entry["made"]))
    return DoneEdit(**{**entry, "edit": edit, "made": made, "painted": painted, **lists})
