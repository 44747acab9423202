"""A series in a few lines, as a radiographer would note it."""

from __future__ import annotations

from collections.abc import Iterator

from afunet.formats.scan import Source
from afunet.formats.summary import SeriesSummary

CT = "CT"
# PS3.3 C.7.3.1.1.2.
POSITIONS = {
    "HFS": "head first, on the back",
    "FFS": "feet first, on the back",
    "HFP": "head first, face down",
    "FFP": "feet first, face down",
    "HFDR": "head first, on the right side",
    "HFDL": "head first, on the left side",
    "FFDR": "feet first, on the right side",
    "FFDL": "feet first, on the left side",
}


def series_note(summary: SeriesSummary, number: int) -> Iterator[str]:
    """What it is, its grid, how it was made, how it was weighed, what was noticed."""
    mark = "→" if summary.chosen else " "
    source = summary.source
    region = "" if source.region == "unknown" else f", {source.region}"
    plane = "" if summary.orientation == "unknown" else f", {summary.orientation}"
    yield f"{mark} series {number}: {summary.content}{plane}{region}: {summary.reason}"
    yield f"    {_grid(summary)}"
    if source.modality == CT and (made := _made(source)):
        yield f"    {made}"
    if summary.score:
        yield f"    weighed {summary.score}"
    for finding in summary.findings:
        if finding.message in summary.reason:
            continue
        yield f"    {finding.severity}: {finding}"
    if summary.image_count:
        also = f" or --series {summary.uid}" if summary.uid else ""
        yield f"    --series {number}{also}"


def _grid(summary: SeriesSummary) -> str:
    columns, rows, slices = summary.size
    count = summary.image_count or slices
    images = f"{count} image{'s' * (count != 1)} of {columns} × {rows}"
    if count != slices:
        images = f"{count} images as {slices} slice{'s' * (slices != 1)} of {columns} × {rows}"
    if summary.spacing_mm is None:
        return images if columns and rows else f"{slices} file{'s' * (slices != 1)} without image"
    voxel = " × ".join(f"{value:.3g}" for value in summary.spacing_mm)
    return f"{images}, voxels of {voxel} mm, covering {summary.coverage_mm:.0f} mm"


def _made(source: Source) -> str:
    thickness = source.slice_thickness_mm
    parts = (
        "" if thickness is None else f"slices {thickness:g} mm thick",
        source.kernel and f"kernel {source.kernel}",
        POSITIONS.get(source.patient_position, source.patient_position),
        source.transfer_syntax,
    )
    return ", ".join(filter(None, parts))
