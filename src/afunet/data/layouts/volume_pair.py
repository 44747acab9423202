"""A CT volume of any format with label volumes on its grid."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from afunet.data.layouts.believable import require_believable
from afunet.data.layouts.bone_labels import BINARY, BoneValues
from afunet.data.layouts.pair import Choice, Content, Given
from afunet.data.layouts.planes import plane_of, slice_of_hu
from afunet.errors import InputError
from afunet.findings import Finding, Severity
from afunet.formats.readers import read_labelling, read_scan
from afunet.formats.scan import Scan
from afunet.geometry import Volume
from afunet.geometry.embedding import embedded
from afunet.geometry.tolerances import SAME_PLACE_MM
from afunet.preprocessing.orientation import axial_view, turned_to
from afunet.watch import CancelToken, Watch


@dataclass(frozen=True)
class VolumePair:
    """A scan (a file or a folder of DICOM) and label files, each with the rule for its values.

    If two label files mark the same voxel, the later one wins. `series` chooses one of DICOM.
    """

    given: Given
    image: Path
    labels: tuple[Path, ...]
    bones: tuple[BoneValues, ...] = (BINARY,)
    series: str | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        """The image, then the labels."""
        return (self.image, *self.labels)

    def read(self, choice: Choice, cancel: CancelToken) -> Content:
        """Read all axial slices, oriented as in inference; see `Pair.read`."""
        scan = read_scan(self.image, series=self.series, watch=Watch(cancel=cancel))
        _require_bone(scan)
        view = axial_view(scan.volume)
        axial = view.apply(scan.volume)
        bone = np.zeros(axial.shape, dtype=np.uint8)
        findings = [item for item in scan.findings if item.severity is Severity.WARNING]
        for path, rule in zip(self.labels, self.bones, strict=True):
            cancel.check()
            mask, noticed = _on_grid(path, axial, rule)
            bone = np.where(mask != 0, mask, bone)
            findings += noticed
        given = _with_region(self.given, scan)
        column_mm, row_mm, _ = (float(value) for value in axial.spacing_mm)
        known = (row_mm, column_mm) if scan.source.spacing_known else None
        plane = plane_of(axial.shape[1:], known, choice.allowed_mm)
        slices = tuple(
            slice_of_hu(hu, mask, level, given, plane)
            for level, (hu, mask) in enumerate(zip(axial.voxels, bone, strict=True))
        )
        require_believable(slices)
        return Content(slices, findings=tuple(dict.fromkeys(findings)))


def _require_bone(scan: Scan) -> None:
    for finding in scan.findings:
        if finding.code == "NO_BONE_VALUES":
            raise InputError(finding.message, code=finding.code)


def _on_grid(
    path: Path, axial: Volume, bones: BoneValues
) -> tuple[NDArray[np.uint8], list[Finding]]:
    """The classes of bone on the grid of the axial scan, and findings about the label.

    The label may be stored along other axes than the scan.
    """
    read = read_labelling(path)
    labels = turned_to(read.volume, axial)
    labels = embedded(labels, axial) if read.is_part else labels
    axial.require_same_grid(labels, "the label", SAME_PLACE_MM)
    noticed = [replace(item, message=f"label: {item.message}") for item in read.findings]
    return bones.mask(labels.voxels), noticed


def _with_region(given: Given, scan: Scan) -> Given:
    region = "" if scan.source.region == "unknown" else scan.source.region
    return replace(given, region=given.region or region)
