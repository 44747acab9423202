"""The layout of cases that were corrected by hand: a scan in `input`, its results in `results`.

The workbench keeps its cases so; a case of `afunet segment` and `afunet edit` can be laid out so.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

from afunet.data.layouts.bone_labels import ALL, chosen_values
from afunet.data.layouts.files import entries_of, folders_in, given_cases, given_of, not_there
from afunet.data.layouts.pair import Choice, Found, Given, LeftOut
from afunet.data.layouts.volume_pair import VolumePair
from afunet.errors import InputError
from afunet.formats.file_kinds import VOLUME_SUFFIXES
from afunet.formats.text_files import read_json

INPUT, RESULTS, CASE = "input", "results", "case.json"
EDITS, LABELS, TABLES = "edits.json", "instances", ("report.json", "pieces.json")
STATUS = "corrected"


def detect(source: Path) -> bool:
    """Whether the folder or one of its folders is such a case, corrected or not."""
    return any(_is_case(folder) for folder in (source, *folders_in(source)))


def pairs(source: Path, choice: Choice) -> Found:
    """One case per folder with corrections; the others are left out, since nobody looked at them.

    All pieces are bone. The names of pieces ("left tibia") and bones ("tibia") can be used in
    classes. `case.json` may say which series of the scan was segmented.
    """
    known = given_cases(source)
    cases: list[VolumePair] = []
    left_out: list[LeftOut] = []
    for folder in filter(_is_case, (source, *folders_in(source))):
        given = given_of(folder.resolve().name, known, source)
        try:
            cases.append(_pair(folder, given, choice))
        except InputError as error:
            left_out.append(LeftOut(given.case, str(error)))
    found = {case.given.case for case in cases} | {item.case for item in left_out}
    return Found(tuple(cases), (*left_out, *not_there(known, found)))


def _is_case(folder: Path) -> bool:
    results = folder / RESULTS
    return (folder / INPUT).is_dir() and any((results / name).is_file() for name in TABLES)


def _pair(folder: Path, given: Given, choice: Choice) -> VolumePair:
    results = folder / RESULTS
    if not _list(results / EDITS, "edits"):
        raise InputError("nobody corrected this case by hand", code="NOT_CORRECTED")
    labels = [results / f"{LABELS}{suffix}" for suffix in VOLUME_SUFFIXES]
    there = [path for path in labels if path.is_file()]
    if not there:
        raise InputError(f"there is no {LABELS}.nii.gz, .nrrd or .mha", code="NO_PARTNER")
    chosen = choice.classes or choice.bones
    rule = chosen_values(choice, _named(results)) if chosen else ALL
    status = STATUS if given.status == "given" else given.status
    entries = entries_of(folder / INPUT)
    scan = entries[0] if len(entries) == 1 else folder / INPUT
    return VolumePair(
        replace(given, status=status), scan, (there[0],), (rule,), _series(folder / CASE)
    )


def _named(results: Path) -> dict[str, frozenset[int]]:
    """The labels of each piece and of each bone by name."""
    named: dict[str, set[int]] = defaultdict(set)
    table = next(results / name for name in TABLES if (results / name).is_file())
    for row in _list(table, "pieces"):
        try:
            for name in {row["name"], row["bone"], f"{row['side']} {row['bone']}".strip()}:
                named[str(name)].add(int(row["label"]))
        except (KeyError, TypeError, ValueError):
            raise InputError(
                f"{table.name} has a piece without label, name, bone or side: make the results "
                "again",
                code="BAD_DESCRIPTION",
            ) from None
    return {name: frozenset(labels) for name, labels in named.items()}


def _series(path: Path) -> str | None:
    told = read_json(path) if path.is_file() else {}
    series = told.get("series") if isinstance(told, dict) else None
    return series if isinstance(series, str) and series else None


def _list(path: Path, key: str) -> list[Any]:
    """The list of this name in a JSON file, empty without one."""
    content = read_json(path) if path.is_file() else {}
    found = content.get(key) if isinstance(content, dict) else None
    return found if isinstance(found, list) else []
