"""The images that the node was given: each once, on the disk before the sender hears of success."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from afunet.errors import InputError
from afunet.node.database import Database
from afunet.node.home import PRIVATE, Home, sync_folder, write_durably

ELEMENTS = (
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "Modality",
    "SeriesDescription",
    "NumberOfFrames",
)


class SeriesState(StrEnum):
    """Where a series is: it still changes, its job was made, no rule takes it, it is too small."""

    OPEN = "open"
    PLANNED = "planned"
    UNWANTED = "unwanted"
    TOO_SMALL = "too small"


class Kept(StrEnum):
    """What became of an image: it is new, or its UID is known with the same or other content."""

    NEW = "new"
    KNOWN = "known"
    OTHER = "other"


@dataclass(frozen=True)
class ImageHeader:
    """What the node reads of an image: UIDs, modality, description, number of slices."""

    uid: str
    study: str
    series: str
    modality: str
    description: str
    slices: int


@dataclass(frozen=True)
class Series:
    """A series: its name in the node, its UIDs, and how many images and slices have come."""

    name: str
    uid: str
    study: str
    modality: str
    description: str
    images: int
    slices: int


def header_of(content: bytes) -> ImageHeader:
    """Read the header of a DICOM file; raises `InputError` if there is none, or no UIDs."""
    try:
        found = dcmread(BytesIO(content), stop_before_pixels=True, specific_tags=list(ELEMENTS))
        uid, study, series = (_text(found, name) for name in ELEMENTS[:3])
        slices = int(found.get("NumberOfFrames") or 1)
    except (InvalidDicomError, ValueError, KeyError, TypeError, EOFError, NotImplementedError):
        raise InputError("this is no DICOM file", code="NO_DICOM") from None
    if not (uid and study and series):
        raise InputError("the image has no UIDs", code="NO_DICOM")
    return ImageHeader(
        uid, study, series, _text(found, "Modality"), _text(found, "SeriesDescription"), slices
    )


def _text(found: Dataset, name: str) -> str:
    return str(found.get(name) or "").strip()


@dataclass(frozen=True, eq=False)
class Images:
    """All images and series of a node."""

    home: Home
    database: Database
    clock: Callable[[], float] = time.time

    def keep(self, header: ImageHeader, content: bytes) -> Kept:
        """Keep an image; when this returns, file and row are on the disk.

        Of two images with one SOP Instance UID the first one stays. Raises `OSError` or
        `sqlite3.Error` if the image cannot be kept; then nothing of it is left.
        """
        digest = hashlib.sha256(content).hexdigest()
        if (known := self._digest(header.uid)) is not None:
            return Kept.KNOWN if known == digest else Kept.OTHER
        series = self.home.name_of(header.series)
        path = self._folder(series) / f"{secrets.token_hex(12)}.dcm"
        write_durably(path, content)
        try:
            is_new = self._entered(header, series, path.name, digest)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        if is_new:
            return Kept.NEW
        path.unlink()  # the same image came twice at the same moment
        return Kept.KNOWN if self._digest(header.uid) == digest else Kept.OTHER

    def paths(self, series: str, first: int) -> list[Path]:
        """Return the files of the first images of a series, in the order in which they came."""
        rows = self._rows("file", series, first)
        return [self.home.images / series / name for name in rows]

    def uids(self, series: str, first: int) -> list[str]:
        """Return the UIDs of the first images of a series."""
        return self._rows("uid", series, first)

    def open_series(self) -> list[Series]:
        """Return all series that have changed since their last job was made."""
        with self.database.reading() as base:
            rows = base.execute(
                "SELECT name, uid, study, modality, description, images, slices FROM series"
                " WHERE state = ? ORDER BY first",
                (SeriesState.OPEN,),
            ).fetchall()
        return [Series(*row) for row in rows]

    def settle(self, series: Series, state: SeriesState) -> bool:
        """Set the state of a series, unless more images have come meanwhile."""
        with self.database.writing() as base:
            done = base.execute(
                "UPDATE series SET state = ? WHERE name = ? AND images = ?",
                (state, series.name, series.images),
            )
        return done.rowcount > 0

    def _digest(self, uid: str) -> str | None:
        with self.database.reading() as base:
            row = base.execute("SELECT sha256 FROM images WHERE uid = ?", (uid,)).fetchone()
        return row[0] if row else None

    def _rows(self, column: str, series: str, first: int) -> list[str]:
        with self.database.reading() as base:
            rows = base.execute(
                f"SELECT {column} FROM images WHERE series = ? ORDER BY number LIMIT ?",
                (series, first),
            ).fetchall()
        return [row[0] for row in rows]

    def _folder(self, series: str) -> Path:
        folder = self.home.images / series
        if not folder.is_dir():
            folder.mkdir(mode=PRIVATE, exist_ok=True)
            sync_folder(self.home.images)
        return folder

    def _entered(self, header: ImageHeader, series: str, file: str, digest: str) -> bool:
        now = self.clock()
        with self.database.writing() as base:
            added = base.execute(
                "INSERT OR IGNORE INTO images (uid, series, file, sha256) VALUES (?, ?, ?, ?)",
                (header.uid, series, file, digest),
            )
            if not added.rowcount:
                return False
            base.execute(
                "INSERT INTO series VALUES (?, ?, ?, ?, ?, 1, ?, ?, ?, ?) ON CONFLICT (name) DO"
                " UPDATE SET images = images + 1, slices = slices + excluded.slices,"
                " last = excluded.last, state = excluded.state",
                (
                    series,
                    header.series,
                    header.study,
                    header.modality,
                    header.description,
                    header.slices,
                    now,
                    now,
                    SeriesState.OPEN,
                ),
            )
        return True
