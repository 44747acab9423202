"""Scans in an object store, named by a URL that fsspec opens: s3://, gs://, https://, file://."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afunet.errors import AfunetError, ConfigError, InputError
from afunet.extras import require_extra
from afunet.faults import PROGRAM_ERROR, code_of
from afunet.temporary import temporary_folder
from afunet.workflows.titles import SUFFIXES

FETCHED = "afunet-fetched-"


@dataclass(frozen=True)
class StoredScan:
    """A scan in an object store: a volume file, an archive, or all files below a prefix."""

    url: str

    def digest_rows(self) -> list[list[Any]]:
        """Return a row for each file, with what the store says of its version.

        Raises `InputError` if the store cannot list them.
        """
        files, path = _opened(self.url)
        with _read_from_store():
            found = files.find(path) or [path]
            return [[one.removeprefix(path), files.ukey(one)] for one in sorted(found)]

    @contextmanager
    def fetched(self) -> Iterator[Path]:
        """Yield a copy below a temporary folder, in the name of which nothing names a patient.

        Raises `InputError` if the store does not give the scan or if a name there leads out of the
        folder, and `OSError` for a full disk.
        """
        files, path = _opened(self.url)
        with temporary_folder(FETCHED) as folder:
            with _read_from_store():
                is_folder = files.isdir(path)
                copy = folder / ("scan" if is_folder else f"scan{_suffix(path)}")
                if is_folder and any(".." in one.split("/") for one in files.find(path)):
                    raise InputError(
                        "a file of the scan has a name with .. in its object store: rename it",
                        code="ARCHIVE_PATH",
                    )
                files.get(path.rstrip("/") + "/" if is_folder else path, str(copy), is_folder)
            yield copy


def is_url(text: str) -> bool:
    """Whether a text is the URL of a store, and not a path."""
    return "://" in text


def stored_scans(url: str) -> list[StoredScan]:
    """Return the scans at a URL, by the rules of a folder on this machine.

    A prefix stands for all prefixes, archives and volume files in it, or is a scan itself if it
    holds none; a pattern stands for all that matches. Raises `InputError` if nothing is there, and
    `ConfigError` for an unknown kind of store.
    """
    files, path = _opened(url)
    with _read_from_store():
        if any(one in path for one in "*?["):
            return [_scan(files, one) for one in sorted(files.glob(path))]
        if not files.isdir(path):
            files.info(path)
            return [_scan(files, path)]
        inside = sorted(files.ls(path, detail=True), key=lambda one: str(one["name"]))
    scans = [_scan(files, one["name"]) for one in inside if _may_be_scan(one)]
    return scans or ([_scan(files, path)] if inside else [])


def _may_be_scan(entry: dict[str, Any]) -> bool:
    name = str(entry["name"]).rstrip("/").rpartition("/")[2]
    is_scan = entry["type"] == "directory" or name.lower().endswith(SUFFIXES)
    return is_scan and not name.startswith(".")


def _scan(files: Any, path: str) -> StoredScan:
    return StoredScan(files.unstrip_protocol(path))


def _suffix(path: str) -> str:
    return next((one for one in SUFFIXES if path.lower().endswith(one)), "")


def _opened(url: str) -> tuple[Any, str]:
    """Return the store of a URL, and the path there."""
    require_extra("fsspec")
    from fsspec.core import url_to_fs

    try:
        files, path = url_to_fs(url)
    except (ImportError, ValueError):
        raise ConfigError(
            f"the store {url.partition('://')[0]}:// cannot be opened: install the package of "
            "fsspec for it on every machine (s3fs for s3://, gcsfs for gs://)",
            code="UNKNOWN_STORE",
        ) from None
    return files, str(path)


@contextmanager
def _read_from_store() -> Iterator[None]:
    """Turn whatever the package of a store raises into an `InputError`; its message may quote."""
    try:
        yield
    except Exception as error:
        if isinstance(error, AfunetError) or code_of(error) in ("DISK_FULL", "OUT_OF_MEMORY"):
            raise
        what = type(error).__name__ if code_of(error) == PROGRAM_ERROR else code_of(error)
        raise InputError(
            f"the object store does not give the scan ({what}): check the URL and the rights",
            code="NOT_FETCHED",
        ) from None
