"""A DICOM series and a label volume (NIfTI, NRRD, MetaImage) on its grid; or a folder of such."""

from __future__ import annotations

from pathlib import Path

from afunet.data.layouts.bone_labels import chosen_values
from afunet.data.layouts.files import (
    dicom_in,
    folders_in,
    given_cases,
    given_of,
    holds_dicom,
    not_there,
    one_label,
    volumes_in,
)
from afunet.data.layouts.pair import Choice, Found, LeftOut
from afunet.data.layouts.volume_pair import VolumePair
from afunet.errors import InputError


def detect(source: Path) -> bool:
    """Whether the folder, or one in it, holds a DICOM series and a label volume."""
    return any(volumes_in(folder) and dicom_in(folder) for folder in (source, *folders_in(source)))


def pairs(source: Path, choice: Choice) -> Found:
    """A case a folder."""
    known, bones = given_cases(source), chosen_values(choice.bones)
    cases: list[VolumePair] = []
    left_out: list[LeftOut] = []
    for folder in _case_folders(source):
        case = folder.resolve().name
        scan, labels = dicom_in(folder), volumes_in(folder)
        if scan is None and not labels:
            continue
        try:
            image, label = scan_and_label(scan, labels)
        except InputError as error:
            left_out.append(LeftOut(case, str(error)))
            continue
        cases.append(VolumePair(given_of(case, known, source), image, (label,), bones))
    found = {case.given.case for case in cases} | {item.case for item in left_out}
    return Found(tuple(cases), (*left_out, *not_there(known, found)))


def scan_and_label(scan: Path | None, labels: list[Path]) -> tuple[Path, Path]:
    """The DICOM folder and the one label; `InputError` where either is missing."""
    if scan is None:
        raise InputError("no DICOM series beside the label")
    if not labels:
        raise InputError("no label volume beside the DICOM series")
    return scan, one_label(labels)


def _case_folders(source: Path) -> list[Path]:
    """The source itself where the label lies in it, else its folders."""
    if volumes_in(source) or holds_dicom(source):
        return [source]
    return folders_in(source)
