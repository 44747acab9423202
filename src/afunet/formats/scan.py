"""A CT scan as read: its voxels in HU, where they came from and what was noticed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from afunet.findings import SIDES_UNKNOWN, Finding
from afunet.geometry import ImagePlane, Volume


@dataclass(frozen=True)
class Source:
    """Where a scan came from, as far as it cannot name a patient.

    There is no name, identifier, date, UID or path in here: it may go into any report.
    Unknown texts are empty, unknown numbers None. `spacing_known` is False where the voxel
    size was assumed: millimetres from such a scan mean nothing. `region` is a guess, and
    `region_basis` says from what ("" where it is "unknown").
    """

    kind: str
    file_count: int
    spacing_known: bool = True
    modality: str = ""
    body_part: str = ""
    region: str = "unknown"
    region_basis: str = ""
    patient_position: str = ""
    manufacturer: str = ""
    model: str = ""
    kernel: str = ""
    slice_thickness_mm: float | None = None
    transfer_syntax: str = ""

    def tells_sides(self, findings: Iterable[Finding]) -> bool:
        """Whether the patient's left and right are known, after what was noticed of the scan."""
        return self.spacing_known and not SIDES_UNKNOWN & {finding.code for finding in findings}


@dataclass(frozen=True, repr=False)
class SourceImage:
    """The UIDs by which a DICOM result refers to a slice.

    `frame` counts from 0 in a multi-frame image.
    """

    sop_class: str
    sop_instance: str
    series: str
    frame: int | None = None


@dataclass(frozen=True, eq=False, repr=False)
class SourceImages:
    """The DICOM slices of a scan in their order, and what an archive files them by: no more of it.

    `filed` holds the values of what results are filed by, "" where there is none, written in
    `character_set`. `unsound` tells why no result can refer to the images, and `unsound_renewed`
    why not even one with new UIDs can.
    """

    images: tuple[SourceImage, ...]
    study: str
    frame_of_reference: str
    filed: Mapping[str, str] = field(default_factory=dict)
    character_set: str = ""
    unsound: Finding | None = None
    unsound_renewed: Finding | None = None

    def of_series(self) -> dict[str, list[SourceImage]]:
        """The images by series, each file once: multi-frame images without a frame."""
        found: dict[str, dict[str, SourceImage]] = {}
        for image in self.images:
            of_series = found.setdefault(image.series, {})
            of_series.setdefault(image.sop_instance, replace(image, frame=None))
        return {series: list(images.values()) for series, images in found.items()}


@dataclass(frozen=True, eq=False)
class Scan:
    """A CT scan: `volume` holds HU, int16 where they are integers, else float32.

    Of a DICOM scan, `planes` are the slices where their headers place them, `resampled` tells
    whether the volume's slices are others, and `images` are their headers, in the same order: they
    identify the patient and go into no report.
    """

    volume: Volume
    source: Source
    findings: tuple[Finding, ...] = ()
    planes: tuple[ImagePlane, ...] = ()
    resampled: bool = False
    images: SourceImages | None = None

    @property
    def sides_known(self) -> bool:
        """Whether the patient's left and right are known."""
        return self.source.tells_sides(self.findings)
