"""Who is in a data set and where his slices lie.

A slice folder holds `<case>/images/NN.png` (8-bit, bone window), `<case>/masks/NN.png` (0/1) and
a `slices.csv` with the columns case, patient, slice, split, status, labelled; a folder with
`images/` and `masks/` at its top is a single case. Simulated slices are written in this layout
too.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from afunet.errors import InputError

SPLITS = ("train", "val", "test")
COLUMNS = ("case", "patient", "slice", "split", "status")


@dataclass(frozen=True)
class SliceRecord:
    """One labelled slice: whose it is, which level, which split, how far its label was checked."""

    case: str
    patient: str
    level: int
    split: str
    status: str
    image: Path
    mask: Path


def read_slice_table(folder: Path) -> tuple[SliceRecord, ...]:
    """All labelled slices of a slice folder, by case and level.

    Raises `InputError` for a folder without a table, a table without a needed column, unknown
    splits, files that are not there, and a patient who is in two splits.
    """
    table = folder / "slices.csv"
    if not table.is_file():
        raise InputError(f"{folder} has no slices.csv; expected the layout of docs/data.md")
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:  # as spreadsheets write it
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{table} is not a table in UTF-8: {error}") from error
    records = tuple(_record(folder, row) for row in rows if row.get("labelled", "1") == "1")
    if not records:
        raise InputError(f"{table} lists no labelled slice")
    refuse_leaks(records)
    return tuple(sorted(records, key=lambda record: (record.case, record.level)))


def select(records: Iterable[SliceRecord], split: str) -> tuple[SliceRecord, ...]:
    """The records of one split; `InputError` where there is none."""
    chosen = tuple(record for record in records if record.split == split)
    if not chosen:
        raise InputError(f"no labelled slice in split {split!r}")
    return chosen


def _record(folder: Path, row: dict[str, str]) -> SliceRecord:
    missing = [name for name in COLUMNS if row.get(name) is None]
    if missing:
        raise InputError(f"{folder}/slices.csv has a row without {missing}")
    if not row["slice"].isdecimal():
        raise InputError(f"{folder}/slices.csv: slice {row['slice']!r}, expected a whole number")
    level = int(row["slice"])
    top = folder / row["case"] if (folder / row["case"]).is_dir() else folder
    record = SliceRecord(
        row["case"],
        row["patient"],
        level,
        row["split"],
        row["status"],
        top / "images" / f"{level:02d}.png",
        top / "masks" / f"{level:02d}.png",
    )
    if record.split not in SPLITS:
        raise InputError(f"{folder}/slices.csv: split {record.split!r}, expected one of {SPLITS}")
    for path in (record.image, record.mask):
        if not path.is_file():
            raise InputError(f"{folder}/slices.csv names {path.relative_to(folder)}: no such file")
    return record


def refuse_leaks(records: Iterable[SliceRecord]) -> None:
    """Raise `InputError` where a patient is in two splits, without naming him."""
    splits: dict[str, str] = {}
    leaks = {
        record.patient: f"{splits[record.patient]} and {record.split}"
        for record in records
        if splits.setdefault(record.patient, record.split) != record.split
    }
    if leaks:
        raise InputError(
            f"{len(leaks)} of {len(splits)} patients are in two splits "
            f"({', '.join(sorted(set(leaks.values())))}): give each patient one split"
        )
