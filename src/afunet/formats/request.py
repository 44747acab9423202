"""The request that a reader answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from afunet.watch import UNWATCHED, Watch


@dataclass(frozen=True)
class Request:
    """Existing paths to read together, and how.

    `series` is a SeriesInstanceUID or the end of one (DICOM only); `spacing_mm` is the voxel
    size along (column, row, slice) for a format that has none (PNG only). `strict` refuses what a
    reader would otherwise correct and report. `given` are the user's paths, for messages, if the
    files to read are elsewhere.
    """

    paths: tuple[Path, ...]
    series: str | None = None
    spacing_mm: tuple[float, float, float] | None = None
    strict: bool = False
    watch: Watch = UNWATCHED
    given: tuple[Path, ...] = ()

    @property
    def path(self) -> Path:
        """The first path: the only one for formats of one file."""
        return self.paths[0]

    @property
    def named(self) -> tuple[Path, ...]:
        """The paths to name in a message."""
        return self.given or self.paths
