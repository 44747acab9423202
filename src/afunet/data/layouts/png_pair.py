"""Cases of PNG slices or DICOM slices, each slice with its own PNG mask."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from afunet.data.cases import PngSlice, require_files
from afunet.data.layouts.believable import require_believable
from afunet.data.layouts.pair import Choice, Content, Given, LeftOut, at_level, by_level
from afunet.data.layouts.planes import plane_of, slice_of_grey, slice_of_hu
from afunet.data.slices import LabelledSlice, read_grey, read_mask_value, slice_name
from afunet.errors import InputError
from afunet.findings import SIDES_UNKNOWN, Finding
from afunet.formats.dicom.files import read_header
from afunet.formats.dicom.header import Header
from afunet.formats.dicom.pixels import read_hu
from afunet.formats.dicom.series import picture_kind
from afunet.formats.png_masks import bone_value_finding
from afunet.formats.readers import read_labelling
from afunet.geometry import Volume
from afunet.preprocessing.orientation import axial_view
from afunet.watch import CancelToken

MOST_NAMED = 8
OF_ITS_IMAGE = SIDES_UNKNOWN | {"SPACING_UNKNOWN"}


@dataclass(frozen=True)
class PngPair:
    """The slices of one case of a slice folder."""

    given: Given
    folder: Path
    records: tuple[PngSlice, ...]

    @property
    def paths(self) -> tuple[Path, ...]:
        """The folder of the case."""
        return (self.folder,)

    def read(self, choice: Choice, cancel: CancelToken) -> Content:
        """Read the slices that can be read; see `Pair.read`."""
        require_bone_alone(choice)
        slices, bad, noticed = [], Bad(self.given.case), Noticed()
        for record in self.records:
            cancel.check()
            try:
                slices.append(_png_slice(record, self.folder, choice, noticed))
            except InputError as error:
                bad.add(record.level, str(error).removeprefix(f"{slice_name(record)}: "))
        return believed(slices, bad, noticed)


@dataclass(frozen=True)
class DicomSlice:
    """A DICOM slice and its PNG mask."""

    image: Path
    mask: Path


@dataclass(frozen=True)
class DicomPngPair:
    """The paper's layout: a case of DICOM slices, each with a 0/1 PNG mask of the same name.

    The slices need not be evenly spaced, since the network works slice by slice.
    """

    given: Given
    files: tuple[DicomSlice, ...]

    @property
    def paths(self) -> tuple[Path, ...]:
        """All DICOM slices, then all masks."""
        return (*(file.image for file in self.files), *(file.mask for file in self.files))

    def read(self, choice: Choice, cancel: CancelToken) -> Content:
        """Read the slices that can be read, from the feet to the head; see `Pair.read`."""
        require_bone_alone(choice)
        placed: list[tuple[float, LabelledSlice]] = []
        bad, noticed = Bad(self.given.case), Noticed()
        for number, file in enumerate(self.files):
            cancel.check()
            try:
                placed.append(_dicom_slice(file, number, self.given, choice, noticed))
            except InputError as error:
                bad.add(number + 1, str(error))
        placed.sort(key=lambda item: item[0])
        slices = [at_level(item, level) for level, (_, item) in enumerate(placed)]
        return believed(slices, bad, noticed)


def require_bone_alone(choice: Choice) -> None:
    """Raise `InputError` if classes are chosen: a PNG mask has one value for bone."""
    if choice.classes:
        raise InputError(
            "PNG masks mark bone alone: prepare without --classes", code="OPTIONS_CLASH"
        )


class Bad:
    """The slices of a case that cannot be used, collected by reason."""

    def __init__(self, case: str) -> None:
        self.case = case
        self.reasons: dict[str, list[int]] = defaultdict(list)

    def add(self, number: int, reason: str) -> None:
        """Add one slice."""
        self.reasons[reason].append(number)

    def listed(self) -> tuple[LeftOut, ...]:
        """One line per reason."""
        return tuple(
            LeftOut(self.case, f"{_numbered(numbers)}: {reason}")
            for reason, numbers in self.reasons.items()
        )


class Noticed:
    """The findings on a case's slices, each once."""

    def __init__(self) -> None:
        self.findings: dict[Finding, None] = {}

    def add(self, findings: Iterable[Finding]) -> None:
        """Add the findings of one slice; a PNG's missing position is ignored, its image has one."""
        known = (finding for finding in findings if finding.code not in OF_ITS_IMAGE)
        self.findings.update(dict.fromkeys(known))


def believed(slices: list[LabelledSlice], bad: Bad, noticed: Noticed) -> Content:
    """The content of the case; `InputError` if no slice is left or the masks do not fit."""
    if not slices:
        raise InputError(
            "; ".join(item.reason for item in bad.listed()) or "there is no slice",
            code="BAD_SLICES",
        )
    require_believable(slices)
    return Content(by_level(slices), bad.listed(), tuple(noticed.findings))


def _png_slice(record: PngSlice, folder: Path, choice: Choice, noticed: Noticed) -> LabelledSlice:
    require_files(record, folder)
    grey = read_grey(record)
    try:
        mask, bone = read_mask_value(record)
    except InputError as error:
        if grey.max() <= 1:
            reason = "the image holds only 0 and 1, the mask does not: check if they are swapped"
            raise InputError(reason) from error
        raise
    noticed.add(bone_value_finding(bone))
    plane = plane_of((grey.shape[0], grey.shape[1]), record.spacing_mm, choice.allowed_mm)
    kept = record.record(plane.spacing_mm)
    return slice_of_grey(grey, mask, kept, plane)


def _dicom_slice(
    file: DicomSlice, number: int, given: Given, choice: Choice, noticed: Noticed
) -> tuple[float, LabelledSlice]:
    """A slice and its position along the patient, or its number if the header has no position."""
    header = read_header(file.image)
    if header is None or picture_kind(header) or header.frames > 1:
        raise InputError(
            "not a CT slice (but a scout, another modality or several frames)", code="NOT_CT"
        )
    hu = read_hu(header, "the slice")
    labels = read_labelling(file.mask)
    noticed.add(labels.findings)
    mask = labels.volume.voxels[0]
    if hu.shape != mask.shape:
        raise InputError(
            f"the image has {hu.shape[::-1]} pixels, the mask {mask.shape[::-1]}",
            code="SIZES_DIFFER",
        )
    position, (axial_hu, axial_mask), turned = _axial(header, hu, mask)
    spacing = header.pixel_spacing_mm
    if spacing is not None and turned:
        spacing = spacing[::-1]
    plane = plane_of((axial_hu.shape[0], axial_hu.shape[1]), spacing, choice.allowed_mm)
    position = number if position is None else position
    return position, slice_of_hu(axial_hu, axial_mask, 0, given, plane)


def _axial(
    header: Header, *planes: NDArray[np.generic]
) -> tuple[float | None, list[NDArray[np.generic]], bool]:
    """The position along the patient, the planes in axial view, whether they were transposed."""
    if header.orientation is None or header.position_mm is None:
        return None, list(planes), False
    row, column = header.orientation[:3], header.orientation[3:]
    affine = np.eye(4)
    affine[:3, :3] = np.stack([row, column, np.cross(row, column)], axis=1)
    affine[:3, 3] = header.position_mm
    volumes = [Volume(plane[None], affine) for plane in planes]
    view = axial_view(volumes[0])
    if view.order[2] != 2:
        raise InputError("the slice is not axial: use axial slices", code="NOT_AXIAL")
    height = float(header.position_mm @ affine[:3, 2]) * (-1 if view.flipped[2] else 1)
    return height, [view.apply(volume).voxels[0] for volume in volumes], view.order != (0, 1, 2)


def _numbered(numbers: Iterable[int]) -> str:
    known = sorted(numbers)
    named = ", ".join(map(str, known[:MOST_NAMED])) + (" …" if len(known) > MOST_NAMED else "")
    return f"slice {named}" if len(known) == 1 else f"{len(known)} slices ({named})"
