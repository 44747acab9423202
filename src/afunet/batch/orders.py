"""What is to be done for a scan, and the name by which the same work is known again."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from afunet.batch.stores import StoredScan
from afunet.batch.subjects import Subject, name_of
from afunet.inference.cleanup import CleanUpRules
from afunet.models.shipped import shipped_path
from afunet.workflows.own_files import digest_of
from afunet.workflows.segment import SegmentOptions

ID_DIGITS = 24


@dataclass(frozen=True)
class Order:
    """The request of a job, and its id: the digest of input, options, weights and version."""

    id: str
    request: Mapping[str, Any]


@dataclass(frozen=True)
class Settings:
    """The options of all scans of a batch, the digest of the weights, and afunet's version."""

    options: SegmentOptions
    weights_sha256: str
    version: str

    @classmethod
    def of(cls, options: SegmentOptions) -> Settings:
        """Read the digest of the weights that the options choose; "" if there is no such file."""
        weights = options.weights
        path = shipped_path(fast=options.fast) if weights is None else Path(weights)
        return cls(options, digest_of(path) or "", version("afunet"))

    def order_for(self, subject: Subject, output: Path) -> Order:
        """Return the work at a scan whose results go below the folder `output`.

        Raises `OSError` or `InputError` if the scan's files cannot be listed.
        """
        same = {
            "input": input_digest(subject.path),
            "options": plain_options(self.options),
            "weights": self.weights_sha256,
            "version": self.version,
            "title": subject.title,
        }
        name = hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()[:ID_DIGITS]
        places = {
            "scan": name_of(subject.path),
            "results": str((output / subject.folder).absolute()),
        }
        return Order(name, {**same, **places, "id": name})


def input_digest(path: Path | StoredScan) -> str:
    """Return a digest of the names, sizes and times of change of a scan's files.

    Reading the files themselves would take as long as segmenting them.
    """
    if isinstance(path, StoredScan):
        rows = path.digest_rows()
    else:
        rows = [_row(path, path.parent)] if path.is_file() else sorted(_rows(path))
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def plain_options(options: SegmentOptions) -> dict[str, Any]:
    """Return options as JSON has them."""
    plain = asdict(options)
    plain["weights"] = None if options.weights is None else os.fspath(options.weights)
    return dict(json.loads(json.dumps(plain)))


def options_of(plain: Mapping[str, Any]) -> SegmentOptions:
    """Return the options that `plain_options` wrote; raises `ConfigError` for impossible ones."""
    spacing = plain["spacing_mm"]
    return SegmentOptions(
        **{
            **plain,
            "formats": tuple(plain["formats"]),
            "spacing_mm": None if spacing is None else tuple(spacing),
            "cleanup": CleanUpRules(**plain["cleanup"]),
        }
    )


def _rows(folder: Path) -> list[list[Any]]:
    return [
        _row(Path(inside, name), folder)
        for inside, _, names in os.walk(folder, followlinks=True)
        for name in names
    ]


def _row(path: Path, above: Path) -> list[Any]:
    """Return name, size and time of change; zeros for a broken link, which is no file."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return [os.fsencode(path.relative_to(above)).hex(), 0, 0]
    name = os.fsencode(path.relative_to(above)).hex()
    return [name, status.st_size, status.st_mtime_ns]
