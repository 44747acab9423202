"""The scans of a batch, and the folder of each one's results."""

from __future__ import annotations

import csv
import glob
import hashlib
import hmac
import os
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from afunet.batch.stores import StoredScan, is_url, stored_scans
from afunet.errors import ConfigError, InputError
from afunet.formats.dicom.archive import is_archive
from afunet.formats.dicom.identifiers import names_patient
from afunet.formats.file_search import existing_paths
from afunet.watch import UNWATCHED, Watch
from afunet.workflows.titles import SUFFIXES, reads_harmless, stem_of

LISTS = (".txt", ".csv")
PATH_COLUMN = "path"
LOOKING = "looking at the scans"
KEY, KEY_BYTES, KEPT_DIGITS = "key", 16, 8
Item = TypeVar("Item")


@dataclass(frozen=True)
class Part:
    """The share of a batch that one process works at: part `number` (from 1) of `count`."""

    number: int = 1
    count: int = 1

    @classmethod
    def read(cls, text: str) -> Part:
        """Read "2/16"; raises `ConfigError` for anything else."""
        try:
            number, count = map(int, text.split("/"))
        except ValueError:
            number, count = 0, 0
        if not 1 <= number <= count:
            raise ConfigError(
                f"--part is {text!r}, expected a number and a count such as 2/16", code="BAD_PART"
            )
        return cls(number, count)

    def of(self, items: Sequence[Item]) -> Sequence[Item]:
        """Return every `count`th item."""
        return items[self.number - 1 :: self.count]


WHOLE = Part()


@dataclass(frozen=True)
class Subject:
    """A scan, the name of the folder of its results, and the title of its report."""

    path: Path | StoredScan
    folder: str
    title: str


def scans_in(given: Sequence[str | Path], without: Path | None = None) -> list[Path | StoredScan]:
    """Return the scans that a batch was given, each once.

    A folder stands for all folders, archives and volume files in it, or is a scan itself if it
    holds none; a `.txt` or `.csv` file lists paths, a pattern such as `data/*/ct` stands for all
    paths that match, and the URL of an object store for what is there. `without` is the folder of
    the results, which may lie among the scans. Raises `InputError` for a path that cannot be opened
    and if there is no scan.
    """
    found = [scan for one in given for scan in _given(one)]
    kept = [path for path in dict.fromkeys(found) if without is None or not _is(path, without)]
    if not kept:
        raise InputError(
            "no scan was found: give a folder of scans, a list of paths or a pattern",
            code="NO_SCANS",
        )
    return kept


def named_subjects(
    scans: Sequence[Path | StoredScan],
    key: bytes,
    part: Part = WHOLE,
    watch: Watch = UNWATCHED,
) -> Iterator[Subject]:
    """Yield a subject for each scan of a part; no two have the same folder.

    The folder is named after the scan's place below the folder that holds all scans. If that holds
    a word of the patient's name or number in the DICOM files, or if two scans would share it, a
    keyed digest stands there: with the same `key` each scan has the same name in every run,
    whatever other scans there are. A digest also stands for a scan in an object store, which is not
    opened here. The title is the folder's name if that cannot name a patient. Raises `Cancelled`.
    """
    places = _places(scans)
    shared = {name for name, count in Counter(map(str.lower, places)).items() if count > 1}
    chosen = part.of(list(zip(scans, places, strict=True)))
    for number, (path, place) in enumerate(chosen):
        watch.check()
        watch.tell(LOOKING, number, len(chosen))
        sign = hmac.new(key, os.fsencode(name_of(path)), "sha256").hexdigest()[:KEPT_DIGITS]
        if isinstance(path, StoredScan):
            yield Subject(path, f"case-{sign}", f"case-{sign}")
            continue
        named = names_patient(place, path, watch.cancel)
        name = f"{place}-{sign}" if place.lower() in shared else place
        folder = f"case-{sign}" if named else name.encode("utf-8", "replace").decode()
        harmless = reads_harmless(place, path) and not named
        yield Subject(path, folder, folder if harmless else f"case-{sign}")


def name_of(scan: Path | StoredScan) -> str:
    """Return the path of a scan from the root, or its URL."""
    return scan.url if isinstance(scan, StoredScan) else str(scan.absolute())


def key_digest(folder: Path) -> str:
    """Return a digest of the key of a results folder; "" if there is none to read."""
    with suppress(OSError):
        return hashlib.sha256((folder / KEY).read_bytes()).hexdigest()
    return ""


def key_of(folder: Path) -> bytes:
    """Return the key of a results folder, which the first run makes."""
    path = folder / KEY
    with suppress(FileExistsError):
        folder.mkdir(parents=True, exist_ok=True)
        half = folder / f".key-{secrets.token_hex(4)}"
        try:
            half.write_bytes(secrets.token_bytes(KEY_BYTES))
            _link(half, path)
        finally:
            half.unlink(missing_ok=True)
    return path.read_bytes()


def _link(half: Path, path: Path) -> None:
    try:
        os.link(half, path)
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        if not path.exists():
            os.replace(half, path)


def _given(one: str | Path) -> Iterable[Path | StoredScan]:
    return stored_scans(str(one)) if is_url(str(one)) else _scans_at(Path(one))


def _scans_at(path: Path) -> Iterable[Path | StoredScan]:
    if not path.exists() and glob.has_magic(str(path)):
        return [Path(found) for found in sorted(glob.glob(str(path), recursive=True))]
    existing_paths(path)
    if path.is_file():
        return _listed(path) if path.suffix.lower() in LISTS else [path]
    inside = sorted(path.iterdir())
    scans = [one for one in inside if not one.name.startswith(".") and _may_be_scan(one)]
    return scans or ([path] if any(one.is_file() for one in inside) else [])


def _may_be_scan(path: Path) -> bool:
    if path.is_dir():
        return True
    return path.is_file() and (path.name.lower().endswith(SUFFIXES) or is_archive(path))


def _listed(path: Path) -> list[Path | StoredScan]:
    """Return the paths and URLs in a list: one a line, or the column `path` of a table."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"the list {path} cannot be read: {error.__class__.__name__}; expected a path a line",
            code="BAD_TEXT",
        ) from None
    if path.suffix.lower() == ".csv":
        rows = list(csv.DictReader(text.splitlines()))
        if rows and PATH_COLUMN not in rows[0]:
            raise InputError(
                f"the table {path} has no column {PATH_COLUMN!r}: add one", code="BAD_DESCRIPTION"
            )
        lines = [row[PATH_COLUMN] or "" for row in rows]
    else:
        lines = text.splitlines()
    wanted = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return [StoredScan(line) if is_url(line) else path.parent / line for line in wanted]


def _places(scans: Sequence[Path | StoredScan]) -> list[str]:
    """Return the place of each scan below the folder that holds all of them, as one name.

    The place of a scan in an object store is its URL.
    """
    here = [scan.absolute() for scan in scans if isinstance(scan, Path)]
    above = Path(os.path.commonpath([scan.parent for scan in here])) if here else Path()
    return [
        scan.url
        if isinstance(scan, StoredScan)
        else "_".join((*scan.absolute().relative_to(above).parts[:-1], stem_of(scan)))
        for scan in scans
    ]


def _is(path: Path | StoredScan, other: Path) -> bool:
    with suppress(OSError):
        return isinstance(path, Path) and path.resolve() == other.resolve()
    return False
