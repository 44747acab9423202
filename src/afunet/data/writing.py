"""Writing a store: first the slices one by one, then the table and `store.json`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from afunet.data.cases import SliceRecord
from afunet.data.slices import LabelledSlice
from afunet.data.store import (
    FORMAT,
    HEADER,
    IMAGES,
    MASKS,
    TABLE,
    VERSION,
    StoredSlice,
    sha256_of,
    write_table,
)


class StoreWriter:
    """Append slices to the two flat files of a new store in `folder`.

    Records (names, splits) may still change until `finish` writes them. The caller owns the folder
    and handles operating system errors such as a full disk.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.entries: list[StoredSlice] = []
        self._files = {name: (folder / name).open("wb") for name in (IMAGES, MASKS)}
        self._hashes = {name: hashlib.sha256() for name in (IMAGES, MASKS)}
        self._end = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for file in self._files.values():
            file.close()

    def append(self, item: LabelledSlice) -> None:
        """Add one slice of a single plane."""
        grey = item.grey[len(item.grey) // 2]
        record = replace(item.record, fingerprint=fingerprint(grey))
        rows, columns = grey.shape
        for name, plane in ((IMAGES, grey), (MASKS, item.mask)):
            content = np.ascontiguousarray(plane, dtype=np.uint8).tobytes()
            self._files[name].write(content)
            self._hashes[name].update(content)
        self.entries.append(StoredSlice(record, rows, columns, self._end))
        self._end = self.entries[-1].end

    def finish(self, records: Sequence[SliceRecord], description: Mapping[str, Any]) -> None:
        """Write the table with the final record of every slice, and `store.json`."""
        for file in self._files.values():
            file.close()  # before the checksums are written: closing can fail on a full disk
        entries = [
            replace(entry, record=record)
            for entry, record in zip(self.entries, records, strict=True)
        ]
        write_table(self.folder / TABLE, entries)
        sums = {name: digest.hexdigest() for name, digest in self._hashes.items()}
        sums[TABLE] = sha256_of(self.folder / TABLE)
        files = {
            name: {"bytes": (self.folder / name).stat().st_size, "sha256": digest}
            for name, digest in sums.items()
        }
        header = {"format": FORMAT, "version": VERSION, "files": files, **description}
        text = json.dumps(header, indent=2, ensure_ascii=False) + "\n"
        (self.folder / HEADER).write_text(text, encoding="utf-8")


def fingerprint(grey: NDArray[np.uint8]) -> str:
    """A hash of the pixels, equal for identical images; "" for an image of one grey value."""
    if grey.min() == grey.max():
        return ""
    digest = hashlib.sha256(repr(grey.shape).encode())
    digest.update(np.ascontiguousarray(grey).tobytes())
    return digest.hexdigest()[:24]
