"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from afunet.formats.dicom.segmentation_kind import SegmentationKind
from afunet.inference.device_choice import DeviceChoice
from afunet.inference.runtime_choice import RuntimeChoice

Input = Annotated[Path, typer.Argument(help="A folder of DICOM or PNG slices, or one volume file.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.")]
Weights = Annotated[
    Path | None,
    typer.Option("--weights", "-w", help="Checkpoint or ONNX file; default: those shipped."),
]
Device = Annotated[DeviceChoice, typer.Option(help="Where the network runs.")]
Runtime = Annotated[
    RuntimeChoice, typer.Option(help="What the network runs with; auto: the fastest installed.")
]
Fast = Annotated[
    bool,
    typer.Option("--fast", help="Use the fast weights, and mirror no slices to check the result."),
]
Series = Annotated[
    str | None,
    typer.Option(
        help="DICOM: the series to read: its number in inspect, its UID, or the end of its UID."
    ),
]
Spacing = Annotated[
    tuple[float, float, float] | None,
    typer.Option(help="PNG slices: voxel size in mm along column, row and slice."),
]
Title = Annotated[
    str | None,
    typer.Option("--name", help="Title of the case in its report; it must not name the patient."),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Refuse input that would otherwise be corrected.")
]
Formats = Annotated[
    str,
    typer.Option(
        help="Results to write, with commas between: nifti, nrrd, mha (mask); stl, ply, obj, "
        "vtp, glb (surface); seg.nrrd, ctbl (3D Slicer); seg, rtstruct, sr, pdf (DICOM, for a "
        "scan read from DICOM)."
    ),
]
PieceFormats = Annotated[
    str,
    typer.Option(
        "--formats",
        help="stl, ply, obj, vtp, glb; seg.nrrd, ctbl (3D Slicer), with commas between.",
    ),
]
MaxTriangles = Annotated[
    int | None, typer.Option(help="Simplify each surface to about this many triangles.")
]
MaxError = Annotated[
    float | None,
    typer.Option(help="Simplify each surface within this error, e.g. 0.1 for 3D printing."),
]
Deidentify = Annotated[
    bool,
    typer.Option(
        "--deidentify", help="Leave the patient out of DICOM results (PS3.15 basic profile)."
    ),
]
SegKind = Annotated[
    SegmentationKind,
    typer.Option(help="DICOM Segmentation: one bit per voxel, a probability, or a label map."),
]


def names_of(listed: str) -> tuple[str, ...]:
    """Return the names in a list with commas, each once, in order."""
    return tuple(dict.fromkeys(filter(None, (name.strip() for name in listed.split(",")))))
