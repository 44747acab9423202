"""The records of a data set's labelled slices, and the table of a slice folder.

A slice folder holds `<case>/images/NN.png` (8-bit, bone window), `<case>/masks/NN.png` (0/1) and
a `slices.csv` with the columns case, patient, slice, split, status, labelled and, optionally, side,
region and spacing_mm. A folder with `images/` and `masks/` at its top is a single case. Simulated
slices are written in this layout too.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from afunet.errors import InputError
from afunet.formats.text_files import read_text

SPLITS = ("train", "val", "test")
COLUMNS = ("case", "patient", "slice", "split", "status")
SIDES = ("L", "R")


@dataclass(frozen=True)
class SliceRecord:
    """One labelled slice: its case and patient, level, split, and how well its label was checked.

    `side` is "L", "R" or "" (unknown, or both); `region` is a word such as "knee", or "";
    `spacing_mm` is the pixel's (row, column) size, or None if unknown. Identical images have the
    same `fingerprint` ("" if none was computed). `by_slice` marks a data set that was split slice
    by slice on purpose, so that one patient may be in several splits.
    """

    case: str
    patient: str
    level: int
    split: str
    status: str
    side: str = ""
    region: str = ""
    spacing_mm: tuple[float, float] | None = None
    fingerprint: str = ""
    by_slice: bool = False


@dataclass(frozen=True, kw_only=True)
class PngSlice(SliceRecord):
    """A slice of a slice folder: its record and its two files."""

    image: Path
    mask: Path

    def record(self, spacing_mm: tuple[float, float] | None) -> SliceRecord:
        """The record without the files, for pixels of this (row, column) size."""
        return SliceRecord(
            self.case,
            self.patient,
            self.level,
            self.split,
            self.status,
            self.side,
            self.region,
            spacing_mm,
        )


def read_slice_table(folder: Path) -> tuple[PngSlice, ...]:
    """All labelled slices of a slice folder, by case and level.

    Raises `InputError` for a folder without a table, a table without a required column, unknown
    splits, missing files, and a patient in two splits.
    """
    records = tuple(png_slice(folder, row) for row in labelled_rows(folder))
    for record in records:
        require_split(record, folder)
        require_files(record, folder)
    refuse_leaks(records)
    return tuple(sorted(records, key=lambda record: (record.case, record.level)))


def unlabelled_slices(folder: Path, split: str) -> tuple[PngSlice, ...]:
    """The slices of one split of a slice folder without a label, by case and level.

    Raises what `read_slice_table` raises.
    """
    known = {(record.case, record.level) for record in read_slice_table(folder)}
    rows = (row for row in read_table(folder / "slices.csv") if row.get("labelled", "1") != "1")
    records = tuple(png_slice(folder, row) for row in rows)
    for record in records:
        require_split(record, folder)
    return tuple(
        sorted(
            (
                record
                for record in records
                if record.split == split
                and (record.case, record.level) not in known
                and record.image.is_file()
            ),
            key=lambda record: (record.case, record.level),
        )
    )


def labelled_rows(folder: Path) -> tuple[dict[str, str], ...]:
    """The rows of a slice folder's table that have a mask; `InputError` if there are none."""
    table = folder / "slices.csv"
    if not table.is_file():
        raise InputError(
            f"{folder} has no slices.csv; expected the layout of docs/data.md",
            code="NO_SLICE_TABLE",
        )
    rows = tuple(row for row in read_table(table) if row.get("labelled", "1") == "1")
    if not rows:
        raise InputError(
            f"{table} lists no labelled slice: set labelled to 1 where there is a mask",
            code="NO_LABELLED_SLICE",
        )
    return rows


def read_table(table: Path) -> list[dict[str, str]]:
    """The rows of a table with a header line; `InputError` for anything else.

    Columns may be separated by commas, semicolons or tabs, as spreadsheets write them in
    different countries. Spaces around a cell are removed.
    """
    text = read_text(table)
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)  # comma first among equals
    try:
        rows = list(csv.DictReader(StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise InputError(f"cannot read {table}: {error}", code="BAD_SLICE_TABLE") from error
    return [
        {str(name).strip(): value.strip() for name, value in row.items() if isinstance(value, str)}
        for row in rows
    ]


def png_slice(folder: Path, row: dict[str, str]) -> PngSlice:
    """The slice of one row; `InputError` for a missing cell or an invalid value."""
    missing = [name for name in COLUMNS if row.get(name) is None]
    if missing:
        raise InputError(f"{folder}/slices.csv has a row without {missing}", code="BAD_SLICE_TABLE")
    if not row["slice"].isdecimal():
        raise InputError(
            f"{folder}/slices.csv: slice {row['slice']!r}, expected a whole number",
            code="BAD_SLICE_TABLE",
        )
    level = int(row["slice"])
    top = folder / row["case"] if (folder / row["case"]).is_dir() else folder
    return PngSlice(
        row["case"],
        row["patient"],
        level,
        row["split"],
        row["status"],
        side_of(row.get("side")),
        row.get("region") or "",
        _spacing(folder, row.get("spacing_mm")),
        image=top / "images" / f"{level:02d}.png",
        mask=top / "masks" / f"{level:02d}.png",
    )


def side_of(text: str | None) -> str:
    """The side "L" or "R" that a table's cell names; "" for anything else (both, unknown)."""
    side = (text or "").strip().upper()[:1]
    return side if side in SIDES else ""


def require_split(record: SliceRecord, folder: Path) -> None:
    """Raise `InputError` if a record's split is not one of `SPLITS`."""
    if record.split not in SPLITS:
        raise InputError(
            f"{folder}/slices.csv: split {record.split!r}, expected one of {SPLITS}",
            code="BAD_SLICE_TABLE",
        )


def require_files(record: PngSlice, folder: Path) -> None:
    """Raise `InputError` if the image or the mask is missing."""
    for path in (record.image, record.mask):
        if not path.is_file():
            raise InputError(
                f"{folder}/slices.csv names {path.relative_to(folder)}, but there is no such file",
                code="BAD_SLICE_TABLE",
            )


def refuse_leaks(records: Iterable[SliceRecord]) -> None:
    """Raise `InputError`, without names, if a patient or an image is in two splits.

    A patient whose slices were all split slice by slice on purpose is allowed; an image never is.
    """
    records = tuple(records)
    deliberate = {record.patient for record in records if record.by_slice}
    deliberate -= {record.patient for record in records if not record.by_slice}
    _refuse_shared(
        [(record.patient, record.split) for record in records if record.patient not in deliberate],
        "patients are",
        "give each patient one split",
    )
    _refuse_shared(
        [(record.fingerprint, record.split) for record in records if record.fingerprint],
        "different images are",
        "the same slice belongs to two patients; keep it under one",
    )


def _refuse_shared(keyed: Sequence[tuple[str, str]], what: str, remedy: str) -> None:
    splits: dict[str, str] = {}
    leaks = {
        key: f"{splits[key]} and {split}"
        for key, split in keyed
        if splits.setdefault(key, split) != split
    }
    if leaks:
        raise InputError(
            f"{len(leaks)} of {len(splits)} {what} in two splits "
            f"({', '.join(sorted(set(leaks.values())))}): {remedy}",
            code="SPLITS_OVERLAP",
        )


def _spacing(folder: Path, text: str | None) -> tuple[float, float] | None:
    """The size of a square pixel in millimetres; None for an empty or missing cell."""
    if not text:
        return None
    try:
        size_mm = float(text)
    except ValueError:
        size_mm = 0.0
    if not 0 < size_mm < 100:
        raise InputError(
            f"{folder}/slices.csv: spacing_mm {text!r}, expected millimetres above 0",
            code="BAD_SLICE_TABLE",
        )
    return size_mm, size_mm
