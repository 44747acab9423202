"""Read which images a DICOMDIR lists for its medium (PS3.3 annex F)."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset

from afunet.formats.dicom.header import Header


def listed_and_absent(directories: Iterable[Path], headers: Iterable[Header]) -> int:
    """The number of images that are listed for the series of these headers but are missing.

    A DICOMDIR that cannot be read lists nothing: files are found without it.
    """
    found = {(header.series_uid, header.sop_instance) for header in headers}
    series = {uid for uid, _ in found}
    listed = {image for path in directories for image in _listed(path) if image[0] in series}
    return len(listed - found)


def _listed(directory: Path) -> list[tuple[str, str]]:
    """Series and instance UID of each image in a DICOMDIR."""
    with warnings.catch_warnings(action="ignore"), suppress(Exception):  # pydicom raises many types
        records = {item.seq_item_tell: item for item in dcmread(directory).DirectoryRecordSequence}
        return [
            (str(series.SeriesInstanceUID), str(image.ReferencedSOPInstanceUIDInFile))
            for series in records.values()
            if series.DirectoryRecordType == "SERIES"
            for image in _below(series, records)
            if image.DirectoryRecordType == "IMAGE"
        ]
    return []


def _below(record: Dataset, records: dict[int, Dataset]) -> Iterator[Dataset]:
    """The records one level below another; each one gives the offset of the next."""
    left = dict(records)
    at = record.OffsetOfReferencedLowerLevelDirectoryEntity
    while below := left.pop(at, None):
        yield below
        at = below.OffsetOfTheNextDirectoryRecord
