"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from afunet.inference.device import DeviceChoice

Input = Annotated[Path, typer.Argument(help="A folder of DICOM or PNG slices, or one volume file.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.")]
Weights = Annotated[
    Path | None, typer.Option("--weights", "-w", help="A checkpoint; default: the one shipped.")
]
Device = Annotated[DeviceChoice, typer.Option(help="Where the network runs.")]
Series = Annotated[
    str | None, typer.Option(help="DICOM: the series to read, by its UID or the end of it.")
]
Spacing = Annotated[
    tuple[float, float, float] | None,
    typer.Option(help="PNG slices: voxel size in mm along column, row and slice."),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Refuse what would be mended and reported otherwise.")
]
Meshes = Annotated[
    list[str] | None, typer.Option("--mesh", help="Surface format: stl or ply. May be repeated.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")]
