"""Write `.ctbl`, the colour table of 3D Slicer for label maps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from afunet.errors import OutputError
from afunet.formats.segments import Segment
from afunet.whole_file import whole_file

LARGEST_LABEL = 32768
"""The largest that Slicer reads (`MaximumColorID` of its vtkMRMLColorTableStorageNode)."""


def write_colour_table(segments: Sequence[Segment], path: Path) -> None:
    """Write a line "label name red green blue opacity" for each segment, 0 to 255.

    Slicer reads an underscore as a space in a name. Raises `OutputError` for labels that it does
    not read, and if the file cannot be written completely.
    """
    largest = max((segment.label for segment in segments), default=0)
    if largest > LARGEST_LABEL:
        raise OutputError(
            f"a colour table holds labels up to {LARGEST_LABEL}, got {largest}: choose another "
            "format",
            code="LABEL_TOO_LARGE",
        )
    lines = ["# Colours of the labels", "0 background 0 0 0 0"]
    for segment in sorted(segments, key=lambda segment: segment.label):
        name = "_".join(segment.name.split()) or "unnamed"
        lines.append(f"{segment.label} {name} {' '.join(map(str, segment.colour))} 255")
    with whole_file(path) as unfinished:
        unfinished.write_text("\n".join(lines) + "\n", encoding="utf-8")
