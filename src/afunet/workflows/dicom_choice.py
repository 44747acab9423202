"""How DICOM results are made again after a correction, decided before the work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from afunet.errors import ConfigError, InputError
from afunet.formats.dicom.segmentation_kind import SegmentationKind
from afunet.formats.scan import Scan
from afunet.workflows.case_pages import OVERLAY
from afunet.workflows.edited_folder import EditedFolder
from afunet.workflows.result_files import DICOM_RESULTS, SEGMENTATION


@dataclass(frozen=True)
class DicomChoice:
    """How DICOM results are written again; they do not follow the pieces if they store shares."""

    deidentified: bool = False
    kind: SegmentationKind = SegmentationKind.BINARY

    @property
    def follows(self) -> bool:
        """Whether the results hold the pieces, not the probability of all bone."""
        return self.kind is not SegmentationKind.FRACTIONAL


def dicom_choice(before: EditedFolder, scan: Scan | None, *, mask_changed: bool) -> DicomChoice:
    """Return how to write DICOM results again, before the work.

    Raises `ConfigError` (`SCAN_NEEDED`) if a result can only be made from the scan and there is
    none, `GeometryError` for a scan on another grid, `InputError` for the scan of another study and
    for a result with probabilities that erasing would change.
    """
    choice, needing = DicomChoice(), []
    if scan is not None:
        before.labels.require_same_grid(scan.volume, "the scan")
    for name in DICOM_RESULTS.values():
        if name in before.files:
            choice = _choice_of(before.folder / name, scan, choice)
            needing += [name]
    if not choice.follows:
        if mask_changed:
            raise InputError(
                f"{SEGMENTATION} stores probabilities, which a correction cannot change: move it "
                "to another place, or segment with --seg-kind binary",
                code="SHARES_KEPT",
            )
        needing = []
    needing += [OVERLAY] if mask_changed and OVERLAY in before.files else []
    if needing and scan is None:
        raise ConfigError(
            f"{', '.join(needing)} can only be made again from the scan: give it with --scan",
            code="SCAN_NEEDED",
        )
    return choice


def _choice_of(path: Path, scan: Scan | None, choice: DicomChoice) -> DicomChoice:
    from afunet.formats.dicom.written import read_written  # pydicom, which few corrections need

    found = read_written(path)
    study = scan.images.study if scan is not None and scan.images is not None else ""
    if study and not found.deidentified and found.study != study:
        raise InputError(
            f"the scan is of another study than {path.name}: give the scan of these results",
            code="OTHER_CASE",
        )
    kind = found.kind if path.name == SEGMENTATION else choice.kind
    return DicomChoice(found.deidentified, kind)
