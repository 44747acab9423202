"""A scan that a client sent: its files, what was found in it, and the label that a person saved.

The folder is a case that `afunet prepare` reads once a label is saved: `ct` and `label_final`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from afunet.anatomy.bones import Bone
from afunet.anatomy.told_names import told_name
from afunet.errors import InputError
from afunet.formats.file_kinds import VOLUME_SUFFIXES
from afunet.formats.label_names import LABEL_NAMES
from afunet.formats.labelling import require_no_negative
from afunet.formats.nifti import write_nifti
from afunet.formats.readers import read_labelling, read_scan
from afunet.formats.segments import Segment
from afunet.geometry.embedding import embedded
from afunet.geometry.tolerances import SAME_PLACE_MM
from afunet.preprocessing.orientation import turned_to
from afunet.server.uploaded_files import require_whole
from afunet.temporary import temporary_folder
from afunet.whole_file import whole_file
from afunet.workflows.case_pages import REPORT_JSON

SCAN, LABEL = "ct", "label_final.nii.gz"
FOUND = "instances.nii.gz"
SUFFIXES = tuple(sorted((*VOLUME_SUFFIXES, ".zip", ".dcm"), key=len, reverse=True))
Segments = Callable[[Path, Path, bool], None]
"""Segments the scan at a path into a folder of results, fast or not; raises `AfunetError`."""


@dataclass(frozen=True)
class Sent:
    """A file as a client sent it; of its name only the suffix is used."""

    name: str
    content: BinaryIO

    @property
    def suffix(self) -> str:
        """The suffix of a known format, "" for any other."""
        return next((known for known in SUFFIXES if self.name.lower().endswith(known)), "")


@dataclass(frozen=True)
class SegmentedScan:
    """The file of the label map of a scan, and the label of each piece by its name."""

    labels: Path
    names: dict[str, int]


@dataclass(frozen=True)
class KeptScan:
    """The folder of a scan."""

    folder: Path

    @property
    def scan(self) -> Path:
        """The scan's file, or the folder of its files; raises `InputError` if it is gone."""
        found = sorted(self.folder.glob(f"{SCAN}*"))
        if not found:
            raise InputError("the scan is no longer there: send it again", code="NO_SUCH_PATH")
        return found[0]

    @property
    def label(self) -> Path | None:
        """The label that a person saved, if any."""
        path = self.folder / LABEL
        return path if path.is_file() else None

    @property
    def suffix(self) -> str:
        """The suffix of the scan's file, "" for a folder."""
        return self.scan.name.removeprefix(SCAN)

    def keep(self, files: Sequence[Sent]) -> None:
        """Write the files in place of those of before, which all results were made from.

        Raises `InputError` for no file, and for a single file of an unknown format.
        """
        if not files or (len(files) == 1 and not files[0].suffix):
            raise InputError(
                f"{len(files)} files of an unknown format came, expected one of "
                f"{', '.join(SUFFIXES)}, or all files of a DICOM series",
                code="UNKNOWN_FORMAT",
            )
        with temporary_folder(".sent-", self.folder.parent) as work:
            fresh = work / "scan"
            fresh.mkdir()
            if len(files) == 1:
                _copy(files[0], only := fresh / f"{SCAN}{files[0].suffix}")
                require_whole(only)
            else:
                (fresh / SCAN).mkdir()
                for number, sent in enumerate(files):
                    _copy(sent, fresh / SCAN / f"{number:05d}{sent.suffix}")
            if self.folder.exists():
                self.folder.rename(work / "before")
            fresh.rename(self.folder)

    def segmented(self, segment: Segments, *, fast: bool) -> SegmentedScan:
        """Return what was found in the scan, which is segmented if it was not yet."""
        results = self.folder / ("fast" if fast else "best")
        if not (results / REPORT_JSON).is_file():
            segment(self.scan, results, fast)
        rows = json.loads((results / REPORT_JSON).read_bytes())["pieces"]
        found = results / FOUND
        if not found.is_file():
            raise InputError(
                f"there is no {FOUND} among the results: segment again", code="NO_SUCH_PATH"
            )
        return SegmentedScan(found, {str(row["name"]): int(row["label"]) for row in rows})

    def save_label(self, sent: Sent, names: dict[int, str]) -> None:
        """Keep a label map on the scan's grid; `names` says what its labels are.

        Of the names only bones are kept. Raises `InputError` for what is no label map, and
        `GeometryError` for another grid.
        """
        scan = read_scan(self.scan).volume
        with temporary_folder(".sent-", self.folder.parent) as work:
            path = work / f"label{sent.suffix}"
            _copy(sent, path)
            require_whole(path)
            read = read_labelling(path)
        require_no_negative(read.volume, "the label")
        labels = turned_to(read.volume, scan)
        labels = embedded(labels, scan) if read.is_part else labels
        scan.require_same_grid(labels, "the label", SAME_PLACE_MM)
        told = {segment.label: segment.name for segment in read.segments} | names
        bones = {label: told_name(Segment(label, name)) for label, name in told.items()}
        text = {
            str(label): "bone" if name.bone is Bone.UNKNOWN else str(name)
            for label, name in sorted(bones.items())
        }
        write_nifti(scan.with_voxels(np.ascontiguousarray(labels.voxels)), self.folder / LABEL)
        with whole_file(self.folder / LABEL_NAMES) as unfinished:
            unfinished.write_text(json.dumps(text, indent=2) + "\n", encoding="utf-8")


def _copy(sent: Sent, path: Path) -> None:
    with path.open("wb") as file:
        shutil.copyfileobj(sent.content, file)
