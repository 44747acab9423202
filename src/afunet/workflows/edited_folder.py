"""A folder of results that is to be corrected: what `segment` or `reconstruct` wrote there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from afunet.anatomy.bones import Bone, Side
from afunet.anatomy.names import BoneName
from afunet.errors import InputError
from afunet.findings import Finding, Severity
from afunet.formats.readers import read_labels
from afunet.formats.writers import MASK_WRITERS
from afunet.fragments.cut import Cut
from afunet.geometry import Volume
from afunet.geometry.labels import label_sizes
from afunet.report.case.facts import Report
from afunet.report.case.reading import report_of_json
from afunet.report.not_written import NotWritten
from afunet.workflows.case_pages import REPORT_JSON
from afunet.workflows.edit_list import EDITS, VERSIONS, EditList, read_edits
from afunet.workflows.exchange import take_back_exchanges
from afunet.workflows.own_files import inside, read_own_files
from afunet.workflows.reconstruct import PIECES_JSON

MOST_DIGITS = 9
COMMANDS = {REPORT_JSON: "segment", PIECES_JSON: "reconstruct"}


@dataclass(frozen=True, eq=False)
class EditedFolder:
    """The results of `command` in a folder: label map, table of pieces, findings, and file names.

    `table` is the piece's row by its label; `report` is None for `reconstruct`. `files` are those
    that are there, with the list of corrections and earlier versions.
    """

    folder: Path
    command: str
    labels: Volume
    table: Mapping[int, Mapping[str, Any]]
    findings: tuple[Finding, ...]
    report: Report | None
    files: tuple[str, ...]
    not_written: tuple[NotWritten, ...] = ()
    cuts: tuple[Cut, ...] = ()
    suspected: tuple[Cut, ...] = ()

    @property
    def described(self) -> Path:
        """The file that describes the results."""
        return self.folder / next(name for name, one in COMMANDS.items() if one == self.command)

    @property
    def of_one_bone(self) -> frozenset[tuple[int, int]]:
        """The pairs of labels whose titles say that they are fragments of one bone."""
        fragments: dict[str, list[int]] = {}
        for label, row in self.table.items():
            title, _, rank = str(row["name"]).rpartition(" ")
            if rank.isdecimal() and Bone(row["bone"]) is not Bone.UNKNOWN:
                fragments.setdefault(title, []).append(label)
        return frozenset(
            pair for labels in fragments.values() for pair in combinations(sorted(labels), 2)
        )

    @property
    def results(self) -> tuple[str, ...]:
        """The files without the list of corrections and earlier versions."""
        return tuple(
            name for name in self.files if name != EDITS and not name.startswith(f"{VERSIONS}/")
        )

    @property
    def wanted(self) -> frozenset[str]:
        """The results that were asked for, also those that could not be written."""
        return frozenset((*self.results, *(missing.format for missing in self.not_written)))

    @property
    def names(self) -> dict[int, BoneName]:
        """The bone of each measured piece."""
        return {label: _name(row) for label, row in self.table.items()}


def labels_of(path: Path, pieces: Sequence[str]) -> tuple[int, ...]:
    """Return the labels of pieces that are given by label or by name, such as "left tibia 2".

    Raises `InputError` for a name that no piece has, and as `opened` does.
    """
    table = _read(_described(path)).table
    named = {str(row["name"]).lower(): label for label, row in table.items()}
    found = []
    for text in pieces:
        wanted = " ".join(text.lower().replace("-", " ").split())
        if not _is_label(wanted) and wanted not in named:
            listed = ", ".join(f"{label} ({row['name']})" for label, row in table.items())
            raise InputError(
                f"there is no piece {text!r}: choose from {listed or 'none'}", code="UNKNOWN_NAME"
            )
        found.append(int(wanted) if _is_label(wanted) else named[wanted])
    return tuple(found)


def _is_label(text: str) -> bool:
    return text.isdecimal() and len(text) <= MOST_DIGITS


def folder_of(path: Path) -> Path:
    """Return the folder of results; raises `InputError` as `opened` does."""
    return _described(path).parent


def edits_of(path: Path) -> EditList:
    """Return the corrections of results; raises `InputError` as `opened` does."""
    return read_edits(folder_of(path))


def version_of(path: Path) -> str:
    """Return what changes with every correction and every undo of results: a SHA-256.

    It is that of the pieces, whether their pictures are there already or not. Raises `InputError`
    as `opened` does.
    """
    folder = _described(path).parent
    sha = hashlib.sha256(_label_map(folder).read_bytes())
    sha.update(read_edits(folder).history.encode())
    return sha.hexdigest()


def opened(path: Path) -> EditedFolder:
    """Read the results that a `pieces.json` or `report.json` belongs to, or those of a folder.

    Raises `InputError` for a path without results, for a file of another kind, and for a label map
    whose pieces are not those of the file.
    """
    path = _described(path)
    told, folder, command = _read(path), path.parent, COMMANDS[path.name]
    own = read_own_files(folder).files.get(command, {})
    files = tuple(dict.fromkeys([*told.files, *own]))
    present = tuple(name for name in files if (folder / name).is_file())
    labels = labels_in(folder)
    _require_its_pieces(labels, told.volumes_mm3, path)
    return EditedFolder(
        folder,
        command,
        labels,
        told.table,
        told.findings,
        told.report,
        present,
        told.not_written,
        told.cuts,
        told.suspected,
    )


@dataclass(frozen=True, eq=False)
class _Told:
    """What a `pieces.json` or `report.json` says."""

    table: Mapping[int, Mapping[str, Any]]
    volumes_mm3: Mapping[int, float]
    findings: tuple[Finding, ...]
    files: tuple[str, ...]
    not_written: tuple[NotWritten, ...]
    cuts: tuple[Cut, ...]
    suspected: tuple[Cut, ...]
    report: Report | None


def _read(path: Path) -> _Told:
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text)
        table = {int(row["label"]): row for row in content["pieces"]}
        return _Told(
            table,
            {label: float(row["volume_mm3"]) for label, row in table.items()},
            tuple(_finding(entry) for entry in content["findings"]),
            tuple(inside(str(name)) for name in content["files"]),
            tuple(NotWritten(**entry) for entry in content["not_written"]),
            tuple(map(_cut, content["cuts"])),
            tuple(map(_cut, content["suspected"])),
            report_of_json(text) if COMMANDS[path.name] == "segment" else None,
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as reason:
        raise _no_results(path, f"cannot be read as such ({type(reason).__name__})") from None


def _described(path: Path) -> Path:
    """Return the file that describes the results at a path."""
    take_back_exchanges(path.absolute().parent if path.is_dir() else path.absolute().parent.parent)
    if path.is_dir():
        there = [path / name for name in COMMANDS if (path / name).is_file()]
        if len(there) > 1:
            raise InputError(
                f"{path.name} holds {' and '.join(one.name for one in there)}: name one of them",
                code="SEVERAL_FILES",
            )
        path = there[0] if there else path / PIECES_JSON
    if not path.is_file():
        raise InputError(f"there is no {path}: give {_expected()}", code="NO_SUCH_PATH")
    if path.name not in COMMANDS:
        raise _no_results(path, "has another name")
    return path


def _expected() -> str:
    return " or ".join(f"{name} of afunet {command}" for name, command in COMMANDS.items())


def _no_results(path: Path, found: str) -> InputError:
    return InputError(f"{path.name} {found}: give {_expected()}", code="NOT_PIECES")


def labels_in(folder: Path) -> Volume:
    """Return the label map of results. Raises `InputError` if there is none."""
    return read_labels(_label_map(folder))


def _label_map(folder: Path) -> Path:
    for writer in MASK_WRITERS.values():
        if (found := folder / f"instances{writer.suffix}").is_file():
            return found
    raise InputError(
        f"there is no instances.nii.gz, .nrrd or .mha in {folder}: make the results with one of "
        "these formats",
        code="NO_SUCH_PATH",
    )


def _require_its_pieces(labels: Volume, volumes_mm3: Mapping[int, float], path: Path) -> None:
    sizes = label_sizes(labels.voxels)
    for label, mm3 in volumes_mm3.items():
        found = sizes[label] * labels.voxel_volume_mm3 if label < len(sizes) else 0.0
        if not np.isclose(found, mm3, rtol=1e-4):
            raise InputError(
                f"piece {label} has {found:.0f} mm³ in the label map but {mm3:.0f} mm³ in "
                f"{path.name}: they are of two cases, make the results again",
                code="OTHER_CASE",
            )


def _finding(entry: Mapping[str, Any]) -> Finding:
    severity = Severity(entry["severity"])
    return Finding(str(entry["code"]), severity, str(entry["message"]), str(entry["action"]))


def _cut(entry: Mapping[str, Any]) -> Cut:
    x, y, z = map(float, entry["centre_mm"])
    one, other = int(entry["one"]), int(entry["other"])
    return Cut(one, other, float(entry["area_mm2"]), float(entry["probability"]), (x, y, z))


def _name(row: Mapping[str, Any]) -> BoneName:
    side = Side(row["side"]) if row["side"] else None
    return BoneName(Bone(row["bone"]), side, row["sureness"], row["side_sureness"])
