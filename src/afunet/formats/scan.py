"""A CT scan as read: its voxels in HU, its source and its findings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from afunet.findings import SIDES_UNKNOWN, Finding
from afunet.geometry import ImagePlane, Volume


@dataclass(frozen=True)
class Source:
    """Where a scan came from, without anything that could name a patient.

    It has no name, identifier, date, UID or path, so it may go into any report. Unknown texts are
    empty, unknown numbers None. `spacing_known` is False if the voxel size was assumed: then
    millimetres are not true. `region` is a guess and `region_basis` its basis ("" for "unknown").
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
        """Whether the patient's left and right are known, given the findings about the scan."""
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
    """The DICOM slices of a scan in order, and the values by which an archive files them.

    `filed` holds these values, "" for missing ones, to be written in `character_set`. `unsound`
    says why no result can refer to the images, and `unsound_renewed` why not even a result with new
    UIDs can.
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
    """A CT scan: `volume` holds HU as int16 if they are whole numbers, otherwise as float32.

    For a DICOM scan, `planes` are the slices at their positions in the headers, `resampled` says
    whether the slices of the volume differ from them, and `images` are their identifiers in the
    same order. These identify the patient and must not go into any report.
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
