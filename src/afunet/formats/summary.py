"""One readable thing behind a path, for `afunet inspect`."""

from __future__ import annotations

from dataclasses import dataclass

from afunet.findings import Finding
from afunet.formats.plane import plane_name
from afunet.formats.scan import Scan, Source


@dataclass(frozen=True)
class SeriesSummary:
    """What a series is and whether it would be read.

    `size` and `spacing_mm` are (column, row, slice), the spacing None where it is refused.
    `uid` is the SeriesInstanceUID, for choosing between series on the same machine only: it
    belongs into no report. `content` is what it is in a radiographer's words; `reason` says in a
    few words why it was chosen or passed over, `score` how it was weighed. `image_count` is the
    number of images that the slices are made of, 0 where there are none.
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
        """Extent along the slice axis, slice thickness included; None where unknown."""
        return None if self.spacing_mm is None else self.spacing_mm[2] * self.slice_count


def summary_of(scan: Scan) -> SeriesSummary:
    """The summary of a scan that was read whole."""
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
