"""The corrected pieces of a folder: what to say of them, and which results to make again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from afunet.findings import Finding
from afunet.formats.scan import Scan
from afunet.geometry import Mesh, Volume
from afunet.reconstruction.pieces import Instances
from afunet.report.case.findings import (
    OF_MASK_FOUND,
    OF_PIECES_FOUND,
    piece_findings,
    result_findings,
)
from afunet.workflows.case_pages import OVERLAY, REPORT_HTML, REPORT_JSON, SCENE
from afunet.workflows.dicom_choice import DicomChoice
from afunet.workflows.edited_folder import EditedFolder
from afunet.workflows.reconstruct import PIECES_JSON
from afunet.workflows.result_files import (
    CLASS_NAMES,
    CLASSES,
    DICOM_RESULTS,
    PIECES_FOLDER,
)

OF_MASK = ("mask.", f"{CLASSES}.", "bone.", OVERLAY)
"""What begins so follows from the mask alone, everything else from the pieces."""
OF_PIECES = (
    "instances.",
    f"{PIECES_FOLDER}/",
    "bones.",
    "pieces.",
    SCENE,
    *(REPORT_HTML, REPORT_JSON),
)


@dataclass(frozen=True, eq=False)
class Corrected:
    """A folder, its corrected pieces, and what to say of them.

    `mesh` is the surface of all bone if the mask changed. `kept` are the labels whose voxels are
    those of before. `scan` is None unless the user gave it. With `pages_later` pictures and page
    are not made now, with `surface_later` neither is the surface of all bone, which is to be made
    if it is `surface_anew`.
    """

    before: EditedFolder
    instances: Instances
    kept: frozenset[int]
    mask_changed: bool
    mesh: Mesh | None
    scan: Scan | None
    dicom: DicomChoice
    note: Finding
    pages_later: bool = False
    surface_anew: bool = False
    surface_later: bool = False

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The one on the corrections, those of before that are still true, those on the pieces."""
        codes = {one.code for one in self.before.findings}
        flagged = self.before.report is not None and "FRACTURE_SUSPECTED" not in codes
        again = piece_findings(self.instances, flagged=flagged)
        gone = {self.note.code, *OF_PIECES_FOUND}
        if self.surface_anew:
            gone |= OF_MASK_FOUND
            if self.before.report is not None:
                again = [*result_findings(self.mask, self.mesh, None), *again]
        kept = (one for one in self.before.findings if one.code not in gone)
        return (self.note, *kept, *again)

    @cached_property
    def mask(self) -> Volume:
        """All pieces together, 0 and 1."""
        labels = self.instances.labels
        return labels.with_voxels((labels.voxels != 0).view(np.uint8))

    def outdated(self, name: str) -> bool:
        """Return whether a file of before does not show the corrected pieces."""
        if name in DICOM_RESULTS.values():
            return self.dicom.follows
        of_mask = name.startswith(OF_MASK) or name == CLASS_NAMES
        return self.mask_changed if of_mask else name.startswith((*OF_PIECES, PIECES_JSON))
