"""Group images that belong together, and recognise the kind of each series."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from afunet.formats.dicom.acquisitions import told_apart
from afunet.formats.dicom.derived import derived_kind
from afunet.formats.dicom.header import Header, is_ct
from afunet.formats.plane import plane_name

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
# Words of ImageType (PS3.3 C.7.6.1.1.2 and C.8.2.1.1.1, and what scanners write) and the kinds
# that they name. The values of projections and pictures are not HU.
PICTURES = {
    "LOCALIZER": "localizer (scout)",
    "DOSE_INFO": "dose picture",
    "SCREEN SAVE": "screen picture",
    "SCREENSAVE": "screen picture",
    "VRT": "rendered picture",
    "MIP": "projection (MIP)",
    "PROJECTION IMAGE": "projection",
}
REFORMATS = ("MPR", "CSA MPR", "REFORMATTED", "CURVED MPR")
DOCUMENTS = {
    "SR": "report, such as a dose report",
    "SEG": "segmentation",
    "RTSTRUCT": "structure set",
    "RTDOSE": "dose",
    "DOC": "document",
    "PR": "presentation state",
    "KO": "key object selection",
    "OT": "secondary capture",
    "SC": "secondary capture",
}
UNKNOWN = "unknown images"


@dataclass(frozen=True, eq=False)
class Series:
    """Images that form one stack: one series, patient, frame, kind, plane and acquisition.

    `acquisition` counts from 1 if one series UID has several, otherwise it is 0.
    """

    uid: str
    plane: str
    headers: tuple[Header, ...]
    acquisition: int = 0

    @property
    def first(self) -> Header:
        """The first header, for the facts that all share."""
        return self.headers[0]

    @property
    def modality(self) -> str:
        """The DICOM modality, such as CT."""
        return "CT" if is_ct(self.first) else self.first.modality

    @property
    def uids(self) -> frozenset[str]:
        """All series UIDs of the images; several if parts of one scan were joined."""
        return frozenset(header.series_uid for header in self.headers)

    @property
    def is_original(self) -> bool:
        """Whether the series is neither derived nor secondary nor reformatted."""
        computed = self.is_reformatted or derived_kind(self.first) is not None
        return not computed and all(header.is_original for header in self.headers)

    @property
    def is_reformatted(self) -> bool:
        """Whether the series was reformatted from other slices (MPR)."""
        return any(word in REFORMATS for word in self.first.image_type)

    @property
    def kind(self) -> str:
        """The kind of series, in a radiographer's words."""
        if picture := picture_kind(self.first):
            return picture
        if self.is_reformatted:
            return "reformatted slices (MPR)"
        if derived := derived_kind(self.first):
            return f"slices of a {derived.kind}"
        return "CT slices" if self.is_original else "derived CT slices"

    @property
    def in_words(self) -> str:
        """What distinguishes the series from others, without its UID."""
        thickness = self.first.slice_thickness_mm
        count = len(self.headers)
        parts = [
            f"{count} {self.plane} slice{'s' * (count != 1)}",
            "" if thickness is None else f"{thickness:g} mm thick",
            self.first.kernel and f"kernel {self.first.kernel}",
            f"acquisition {self.acquisition}" if self.acquisition else "",
        ]
        return ", ".join(filter(None, parts))


def picture_kind(header: Header) -> str | None:
    """The kind of an image that is not a CT slice; None for CT slices."""
    if header.sop_class.startswith(SECONDARY_CAPTURE):
        return "secondary capture"
    if not is_ct(header):
        return DOCUMENTS.get(header.modality, f"{header.modality or 'unknown'} images")
    for word in header.image_type:
        if word in PICTURES:
            return PICTURES[word]
    derived = derived_kind(header)
    return None if derived is None or derived.shows_bone else derived.kind


def group_series(headers: Iterable[Header]) -> tuple[Series, ...]:
    """Group headers into stacks, in order of appearance.

    A series that mixes scouts with slices, or several patients, frames of reference, planes or
    acquisitions, becomes several stacks; `joining` joins those that should not have been split.
    """
    groups: dict[tuple[object, ...], list[Header]] = defaultdict(list)
    for header in headers:
        key = (
            header.series_uid,
            header.patient,
            header.frame_of_reference,
            picture_kind(header),
            plane_of(header),
            header.stack,
        )
        groups[key].append(header)
    series: list[Series] = []
    for group in _with_unplaced(list(groups.values())):
        acquisitions = told_apart(group)
        several = len(acquisitions) > 1
        series += [
            Series(group[0].series_uid, plane_of(group[0]), part, number if several else 0)
            for number, part in enumerate(acquisitions, start=1)
        ]
    return tuple(series)


def _with_unplaced(groups: list[list[Header]]) -> list[list[Header]]:
    """Add CT slices without orientation to their series, so that the gate refuses it."""
    placed = [group for group in groups if group[0].orientation is not None]
    for group in groups:
        first, home = group[0], None
        if first.orientation is None and first.rows and picture_kind(first) is None:
            home = next((other for other in placed if _is_like(other[0], first)), None)
        if home is not None:
            home += group
        elif first.orientation is None:
            placed.append(group)
    return placed


def _is_like(one: Header, other: Header) -> bool:
    ours, theirs = (
        (header.series_uid, header.rows, header.columns, picture_kind(header))
        for header in (one, other)
    )
    return ours == theirs


def plane_of(header: Header) -> str:
    """Axial, coronal, sagittal or oblique; unknown without an orientation."""
    if header.orientation is None:
        return "unknown"
    return plane_name(np.cross(header.orientation[:3], header.orientation[3:]))


def unfitness(series: Series) -> str | None:
    """Why a series of this kind cannot be a CT volume; None if it can."""
    first = series.first
    if kind := picture_kind(first):
        modality = f"its modality is {first.modality or 'not stated'}, not CT"
        return f"it is a {kind}" if is_ct(first) else f"{modality} ({kind})"
    if first.rows == 0:
        return "it holds no image"
    if first.frames > 1:
        return f"it is a multi-frame image of {first.frames} frames without their positions"
    if first.samples_per_pixel != 1:
        return "it holds colour images"
    return None
