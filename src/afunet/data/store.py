"""The training store: all slices of a data set in two flat files, mapped into memory.

`images.u8` and `masks.u8` hold the slices one after the other, row by row, one byte per pixel.
`slices.csv` gives each slice's case, patient, split and first byte. `store.json` says how the store
was made, and gives the length and SHA-256 of each file and the names of the mask values from 1 on
(`classes`; without it, bone alone). Nothing in a store identifies a patient.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afunet.data.cases import SPLITS, SliceRecord, read_table
from afunet.data.slices import LabelledSlice, levels_of, neighbour_levels, require_one_size
from afunet.errors import InputError
from afunet.watch import UNWATCHED, Watch

FORMAT, VERSION = "afunet-store", 1
HEADER, TABLE, IMAGES, MASKS = "store.json", "slices.csv", "images.u8", "masks.u8"
FILES = (TABLE, IMAGES, MASKS)
CHUNK_BYTES = 1 << 24
CLASSES, BONE = "classes", ("bone",)


@dataclass(frozen=True)
class StoredSlice:
    """A record, its size in pixels, and the byte at which it begins in both flat files."""

    record: SliceRecord
    rows: int
    columns: int
    offset: int

    @property
    def end(self) -> int:
        """The byte after its last one."""
        return self.offset + self.rows * self.columns


@dataclass(frozen=True, eq=False)
class Store:
    """An open store. The flat files are memory-mapped: a slice is read when it is used."""

    folder: Path
    header: Mapping[str, Any]
    entries: tuple[StoredSlice, ...]
    images: NDArray[np.uint8]
    masks: NDArray[np.uint8]

    @property
    def records(self) -> tuple[SliceRecord, ...]:
        """All records in the order of the file."""
        return tuple(entry.record for entry in self.entries)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the mask values from 1 on."""
        return tuple(self.header.get(CLASSES, BONE))

    def slices(self, split: str, input_slices: int = 1) -> tuple[LabelledSlice, ...]:
        """The slices of one split, with neighbours of the same split, as in `load_slices`."""
        chosen = [entry for entry in self.entries if entry.record.split == split]
        places = {(entry.record.case, entry.record.level): entry for entry in chosen}
        levels = levels_of(entry.record for entry in chosen)

        def stack(entry: StoredSlice) -> NDArray[np.uint8]:
            record = entry.record
            near = neighbour_levels(levels[record.case], record.level, input_slices)
            return self._stack([places[record.case, level] for level in near], record)

        return tuple(
            LabelledSlice(stack(entry), _plane(self.masks, entry), entry.record) for entry in chosen
        )

    def _stack(self, entries: Sequence[StoredSlice], record: SliceRecord) -> NDArray[np.uint8]:
        """Neighbours (input_slices, H, W); a view if they are adjacent in the file."""
        first, last = entries[0], entries[-1]
        planes = [_plane(self.images, entry) for entry in entries]
        require_one_size(planes, record)
        follow = pairwise(entries)
        if all(entry.end == after.offset for entry, after in follow):
            return self.images[first.offset : last.end].reshape(-1, first.rows, first.columns)
        return np.stack(planes)


def is_store(folder: Path) -> bool:
    """Whether a folder is a prepared store."""
    return (folder / HEADER).is_file()


def open_store(folder: Path) -> Store:
    """Open a store; checks the length of its files, but not their content (see `check_store`).

    Raises `InputError` for a folder that is not a store, files that are missing, truncated or of
    another version, and a table that does not fit the files.
    """
    header = read_header(folder)
    for name in FILES:
        _require_length(folder / name, header)
    entries = _entries(folder, header)
    return Store(folder, header, entries, _mapped(folder / IMAGES), _mapped(folder / MASKS))


def read_header(folder: Path) -> dict[str, Any]:
    """Read `store.json` and check its format and version."""
    path = folder / HEADER
    if not path.is_file():
        raise InputError(
            f"{folder} has no {HEADER}: make a store with afunet prepare", code="NO_STORE"
        )
    try:
        header = json.loads(path.read_text(encoding="utf-8"))
        kind, version = header["format"], header["version"]
        whole = all({"bytes", "sha256"} <= set(header["files"][name]) for name in FILES)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} does not describe a store: prepare the store again", code="STORE_BROKEN"
        ) from error
    if (kind, version) != (FORMAT, VERSION) or not whole:
        raise InputError(
            f"{path} has format {kind} {version}, expected {FORMAT} {VERSION}: prepare the store "
            "again",
            code="STORE_VERSION",
        )
    return header  # type: ignore[no-any-return]


def check_store(folder: Path, watch: Watch = UNWATCHED) -> Store:
    """Open a store and check every file's SHA-256 and every mask's values."""
    store = open_store(folder)
    for name in FILES:
        found = sha256_of(folder / name, watch)
        if found != store.header["files"][name]["sha256"]:
            raise InputError(
                f"{folder / name} was changed after it was written (its checksum differs): "
                "prepare the store again",
                code="STORE_CHANGED",
            )
    for entry in store.entries:
        if (value := _plane(store.masks, entry).max()) > len(store.classes):
            raise InputError(
                f"{folder / MASKS}: a mask holds the value {value}, expected 0 to "
                f"{len(store.classes)} ({', '.join(store.classes)})",
                code="CLASSES_DIFFER",
            )
    return store


def sha256_of(path: Path, watch: Watch = UNWATCHED) -> str:
    """SHA-256 of a file in hexadecimal digits."""
    digest, done, total = hashlib.sha256(), 0, path.stat().st_size
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            watch.check()
            digest.update(chunk)
            done += len(chunk)
            watch.tell(f"checking {path.name}", done, total)
    return digest.hexdigest()


def write_table(path: Path, entries: Sequence[StoredSlice]) -> None:
    """Write the slices' table."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(_COLUMNS))
        writer.writeheader()
        writer.writerows(
            {name: cell(entry) for name, cell in _COLUMNS.items()} for entry in entries
        )


def _millimetres(entry: StoredSlice, axis: int) -> str:
    spacing = entry.record.spacing_mm
    return "" if spacing is None else f"{spacing[axis]:.6g}"


_COLUMNS: dict[str, Any] = {
    "case": lambda entry: entry.record.case,
    "patient": lambda entry: entry.record.patient,
    "side": lambda entry: entry.record.side,
    "region": lambda entry: entry.record.region,
    "slice": lambda entry: entry.record.level,
    "split": lambda entry: entry.record.split,
    "status": lambda entry: entry.record.status,
    "row_mm": lambda entry: _millimetres(entry, 0),
    "column_mm": lambda entry: _millimetres(entry, 1),
    "rows": lambda entry: entry.rows,
    "columns": lambda entry: entry.columns,
    "offset": lambda entry: entry.offset,
    "fingerprint": lambda entry: entry.record.fingerprint,
}


def _entries(folder: Path, header: Mapping[str, Any]) -> tuple[StoredSlice, ...]:
    table, length = folder / TABLE, header["files"][IMAGES]["bytes"]
    by_slice = bool(header.get("split", {}).get("by_slice", False))
    try:
        entries = tuple(_entry(row, by_slice) for row in read_table(table))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{table} has an invalid row: prepare the store again", code="BAD_SLICE_TABLE"
        ) from error
    if not entries:
        raise InputError(f"{table} lists no slice: prepare the store again")
    for entry in entries:
        if entry.record.split not in SPLITS:
            raise InputError(
                f"{table}: split {entry.record.split!r}, expected one of {SPLITS}",
                code="BAD_SLICE_TABLE",
            )
        if min(entry.rows, entry.columns) < 1 or entry.offset < 0 or entry.end > length:
            raise InputError(
                f"{table} has a slice beyond the end of {IMAGES}: prepare the store again",
                code="BAD_SLICE_TABLE",
            )
    return entries


def _entry(row: Mapping[str, str], by_slice: bool) -> StoredSlice:
    spacing = (float(row["row_mm"]), float(row["column_mm"])) if row["row_mm"] else None
    record = SliceRecord(
        row["case"],
        row["patient"],
        int(row["slice"]),
        row["split"],
        row["status"],
        row["side"],
        row["region"],
        spacing,
        row["fingerprint"],
        by_slice,
    )
    return StoredSlice(record, int(row["rows"]), int(row["columns"]), int(row["offset"]))


def _require_length(path: Path, header: Mapping[str, Any]) -> None:
    expected = header["files"][path.name]["bytes"]
    found = path.stat().st_size if path.is_file() else 0
    if found != expected:
        raise InputError(
            f"{path} has {found} bytes, expected {expected}; the store was truncated or changed: "
            "copy or prepare it again",
            code="STORE_CHANGED",
        )


def _mapped(path: Path) -> NDArray[np.uint8]:
    # Copy on write: torch requires writable arrays, and the file must not change.
    return np.memmap(path, dtype=np.uint8, mode="c")


def _plane(flat: NDArray[np.uint8], entry: StoredSlice) -> NDArray[np.uint8]:
    return flat[entry.offset : entry.end].reshape(entry.rows, entry.columns)
