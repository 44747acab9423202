"""The summary of a series or volume, for `afunet inspect`."""

from __future__ import annotations

from dataclasses import dataclass

from afunet.findings import Finding
from afunet.formats.plane import plane_name
from afunet.formats.scan import Scan, Source


@dataclass(frozen=True)
class SeriesSummary:
    """What a series is, and whether it would be read.

    `size` and `spacing_mm` are (column, row, slice); the spacing is None if the series is refused.
    `uid` is the SeriesInstanceUID, only for choosing between series on the same machine; it must
    not go into any report. `content` is the kind of series in a radiographer's words; `reason` says
    briefly why it was chosen or not, `score` how it was rated. `image_count` is the number of
    DICOM images, 0 for other formats.
    """

    source: Source
    size: tuple[int, int, int]
    spacing_mm: tuple[float, float, float] | None
    orientation: str
    findings: tuple[Finding, ...]
    uid: str = ""
    reason: str = "chosen"
    chosen: bool = True
    content: str = ""
    score: str = ""
    image_count: int = 0

    @property
    def slice_count(self) -> int:
        """Number of slices."""
        return self.size[2]

    @property
    def coverage_mm(self) -> float | None:
        """Extent along the slice axis, one spacing per slice; None if unknown."""
        return None if self.spacing_mm is None else self.spacing_mm[2] * self.slice_count


def summary_of(scan: Scan) -> SeriesSummary:
    """Return the summary of a scan that was read completely."""
    slices, rows, columns = scan.volume.shape
    column_mm, row_mm, slice_mm = (float(value) for value in scan.volume.spacing_mm)
    return SeriesSummary(
        source=scan.source,
        size=(columns, rows, slices),
        spacing_mm=(column_mm, row_mm, slice_mm),
        orientation=plane_name(scan.volume.affine[:3, 2]),
        findings=scan.findings,
        content=scan.source.kind,
    )
