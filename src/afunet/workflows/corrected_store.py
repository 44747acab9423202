"""Corrected cases as a data set to learn from, without anything that names a patient.

The folder is raw data of nnU-Net 2, so that `afunet prepare` and nnU-Net itself read it.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from afunet.anatomy.bones import Bone
from afunet.anatomy.names import BoneName
from afunet.data.layouts.files import CASES_TABLE
from afunet.data.layouts.nnunet import CHANNEL, DESCRIPTION, IMAGES, LABELS
from afunet.data.layouts.pair import LeftOut
from afunet.data.patients import grouped, identity_of, pseudonym
from afunet.errors import AfunetError, Cancelled, InputError
from afunet.formats.nifti import write_nifti
from afunet.formats.readers import read_scan
from afunet.formats.scan import Scan
from afunet.geometry import Volume
from afunet.watch import UNWATCHED, Watch
from afunet.workflows.edited_folder import edits_of, opened
from afunet.workflows.staging import check_writable, staged_folder

COMMAND, STAGE = "training", "reading cases"
STATUS = "corrected"
SUFFIX = ".nii.gz"
UNNAMED = 1 + max(bone.row.number for bone in Bone)
VALUES = {
    "background": 0,
    **{b.row.name: b.row.number for b in Bone if b is not Bone.UNKNOWN},
    "bone": UNNAMED,
}
"""The value of each bone in the labels; "bone" is any without a name."""


@dataclass(frozen=True)
class CorrectedCase:
    """The results of a case, and the scan that they were made from, as in `read_scan`."""

    results: Path
    scan: Path
    series: str | None = None


@dataclass(frozen=True)
class Exported:
    """The data set: its folder, the names of its cases, and which cases it lacks."""

    folder: Path
    cases: tuple[str, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True)
class _Row:
    """A case that was written: its name, a digest of its scan, its patient's keys, its region."""

    case: str
    digest: str
    keys: frozenset[str]
    region: str


def export_corrected(
    cases: Sequence[CorrectedCase], folder: Path, *, watch: Watch = UNWATCHED
) -> Exported:
    """Write the scans and bones of all cases that were corrected by hand.

    A case without corrections, or that cannot be read, is left out. Names of cases and patients
    come from the images alone; cases with the same patient in their headers have one patient.
    Raises `InputError` (`NOTHING_USABLE`) if no case is left, `OutputError` if it cannot be
    written, and `Cancelled`; then the folder is as before.
    """
    check_writable(folder, COMMAND)
    rows: list[_Row] = []
    left_out: list[LeftOut] = []
    with staged_folder(folder, COMMAND) as stage:
        for number, case in enumerate(cases, start=1):
            watch.check()
            try:
                rows.append(_written(case, stage, rows, watch))
            except Cancelled:
                raise
            except AfunetError as error:
                reason = str(error).replace(str(case.results.parent), "…")
                left_out.append(LeftOut(f"case {number}", reason))
            watch.tell(STAGE, number, len(cases))
        if not rows:
            first = f": {left_out[0].case}: {left_out[0].reason}" if left_out else ""
            raise InputError(f"no case was corrected by hand{first}", code="NOTHING_USABLE")
        _write_tables(stage, rows)
        watch.check()
    return Exported(folder, tuple(row.case for row in rows), tuple(left_out))


def _written(case: CorrectedCase, stage: Path, others: Sequence[_Row], watch: Watch) -> _Row:
    if not edits_of(case.results).edits:
        raise InputError("nobody corrected this case by hand", code="NOT_CORRECTED")
    before = opened(case.results)
    scan = read_scan(case.scan, series=case.series, watch=watch)
    before.labels.require_same_grid(scan.volume, "the scan")
    digest = _digest(scan)
    stem = pseudonym("case", [digest])
    taken = {row.case for row in others}
    names = (stem, *(f"{stem}-{number}" for number in range(2, len(taken) + 2)))
    name = next(one for one in names if one not in taken)
    write_nifti(scan.volume, stage / IMAGES / f"{name}{CHANNEL}{SUFFIX}")
    write_nifti(bones_of(before.labels, before.names), stage / LABELS / f"{name}{SUFFIX}")
    identity = identity_of(case.scan)
    region = "" if scan.source.region == "unknown" else scan.source.region
    return _Row(name, digest, frozenset({digest, *([identity] if identity else [])}), region)


def bones_of(labels: Volume, names: Mapping[int, BoneName]) -> Volume:
    """Return the value of the bone (`VALUES`) in each voxel of a label map of pieces."""
    value = np.full(int(labels.voxels.max()) + 1, UNNAMED, dtype=np.uint8)
    value[0] = 0
    for label, name in names.items():
        if name.bone is not Bone.UNKNOWN and label < len(value):
            value[label] = name.bone.row.number
    return labels.with_voxels(value[labels.voxels])


def _digest(scan: Scan) -> str:
    voxels = np.ascontiguousarray(scan.volume.voxels)
    return hashlib.sha256(repr(voxels.shape).encode() + voxels.tobytes()).hexdigest()


def _write_tables(stage: Path, rows: Sequence[_Row]) -> None:
    """Write what nnU-Net needs to know, and `cases.csv` of `afunet prepare`."""
    described = {
        "channel_names": {"0": "CT"},
        "labels": VALUES,
        "numTraining": len(rows),
        "file_ending": SUFFIX,
    }
    text = json.dumps(described, indent=2) + "\n"
    (stage / DESCRIPTION).write_text(text, encoding="utf-8")
    groups = grouped([row.keys for row in rows])
    with (stage / CASES_TABLE).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("case", "patient", "region", "status"))
        for row, group in zip(rows, groups, strict=True):
            alike = [one.digest for one, other in zip(rows, groups, strict=True) if other == group]
            writer.writerow((row.case, pseudonym("patient", alike), row.region, STATUS))
