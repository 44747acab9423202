"""The formats in which results were written, seen from their files."""

from __future__ import annotations

from afunet.formats.writers import MASK_WRITERS
from afunet.workflows.edited_folder import EditedFolder
from afunet.workflows.result_files import (
    DICOM_RESULTS,
    PIECE_FORMATS,
    PIECES_FOLDER,
    SURFACE_FORMATS,
)
from afunet.workflows.slicer_results import SLICER_FORMATS


def formats_of(before: EditedFolder, *, with_dicom: bool) -> list[str]:
    """Return the formats of the results, also of those that failed; DICOM only if asked for."""
    wanted = before.wanted
    masks = [
        kind
        for kind, writer in MASK_WRITERS.items()
        if wanted & {f"mask{writer.suffix}", f"instances{writer.suffix}"}
    ]
    dicom = DICOM_RESULTS if with_dicom else {}
    return [
        *masks,
        *surface_kinds(before),
        *(kind for kind, name in dicom.items() if name in wanted),
    ]


def surface_kinds(before: EditedFolder) -> list[str]:
    """Return the formats of the pieces among the results."""
    wanted = before.wanted
    in_folder = {name.rpartition(".")[2] for name in wanted if name.startswith(f"{PIECES_FOLDER}/")}
    alone = {kind for kind in SURFACE_FORMATS if wanted & {f"bone.{kind}", f"bones.{kind}"}}
    slicer = {kind for kind, name in SLICER_FORMATS.items() if name in wanted}
    return [kind for kind in PIECE_FORMATS if kind in in_folder | alone | slicer]
