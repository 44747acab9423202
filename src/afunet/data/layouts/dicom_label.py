"""The layout of a DICOM series with a label volume (NIfTI, NRRD, MetaImage) on its grid."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from afunet.data.layouts.files import dicom_in, folders_in, holds_dicom, one_label, volumes_in
from afunet.data.layouts.matched import Candidates, matched_pairs
from afunet.data.layouts.pair import Choice, Found
from afunet.errors import InputError


def detect(source: Path) -> bool:
    """Whether the folder or one of its folders holds a DICOM series and a label volume."""
    return any(volumes_in(folder) and dicom_in(folder) for folder in (source, *folders_in(source)))


def pairs(source: Path, choice: Choice) -> Found:
    """One case per folder."""
    return matched_pairs(_matched(source), scan_and_label, source, choice)


def _matched(source: Path) -> Iterator[Candidates]:
    """Every case's name with its DICOM folder, if it has one, and its label volumes."""
    for folder in _case_folders(source):
        scan, labels = dicom_in(folder), volumes_in(folder)
        if scan is not None or labels:
            yield folder.resolve().name, [scan] if scan else [], labels


def scan_and_label(scans: list[Path], labels: list[Path]) -> tuple[Path, Path]:
    """The DICOM folder and the label; `InputError` if either is missing."""
    if not scans:
        raise InputError("there is no DICOM series beside the label")
    if not labels:
        raise InputError("there is no label volume beside the DICOM series")
    return scans[0], one_label(labels)


def _case_folders(source: Path) -> list[Path]:
    """The source itself if it contains a label, else its folders."""
    if volumes_in(source) or holds_dicom(source):
        return [source]
    return folders_in(source)
