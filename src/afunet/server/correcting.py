"""Corrections of a case: what the server's processes do with the pieces of its results."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afunet.errors import InputError, OutputError
from afunet.formats.scan import Scan
from afunet.fragments.editing import Change, box_at
from afunet.geometry import Box, Volume, bounding_box
from afunet.jobs.tasks import Answer
from afunet.report.case.reading import report_of_json
from afunet.server.case_facts import pieces_of, report_of
from afunet.server.home import CaseFolder
from afunet.server.nifti_stream import ras_view
from afunet.server.view import keep_labels, kept_labels, kept_scan, version_of
from afunet.watch import Watch
from afunet.workflows.case_pages import REPORT_JSON
from afunet.workflows.correcting import Correction, Paint
from afunet.workflows.edit import edit, undo
from afunet.workflows.edit_list import Edit, EditKind
from afunet.workflows.finish import finish
from afunet.workflows.surface_shelf import SurfaceShelf

MOST_NEW = 20
"""How far above the highest label of a map painted ones may be."""


def corrected(request: Mapping[str, Any], watch: Watch) -> Answer:
    """Carry out one correction of whole pieces."""
    seeds = tuple((float(x), float(y), float(z)) for x, y, z in request["seeds_mm"])
    one = Edit(EditKind(request["kind"]), tuple(request["pieces"]), seeds, request["name"])
    return _made(request, one, watch)


def painted(request: Mapping[str, Any], watch: Watch) -> Answer:
    """Put the labels of a file into a slab of slices, as the page sent them (`ras_view`)."""
    case = CaseFolder(Path(request["case"]))
    labels = kept_labels(case, request["version"])
    path, first, last = Path(request["painted"]), request["first"], request["last"]
    ras = ras_view(labels)
    _, rows, columns = ras.shape
    kind = np.dtype("<u2" if request["wide"] else "u1")
    slab = np.fromfile(path, kind).reshape(last - first + 1, rows, columns)
    _require_near(slab, labels)
    around = _same_box(ras, labels, (slice(first, last + 1), slice(0, rows), slice(0, columns)))
    was = labels.voxels[around]
    stored = np.empty(was.shape, np.promote_types(was.dtype, kind))
    ras_view(Volume(stored, labels.affine)).voxels[...] = slab
    box = bounding_box(stored != was)
    if box is None:
        return _present(case, labels, Change())
    one, two, three = (outer.start + side.start for outer, side in zip(around, box, strict=True))
    return _made(request, Paint((one, two, three), stored[box], request["name"]), watch)


def _require_near(slab: NDArray[np.integer], labels: Volume) -> None:
    """Raise `InputError` (`LABEL_OUTSIDE`) for labels far above those of a map.

    Each makes a piece, and long rows of empty numbers cost as much as pieces do.
    """
    painted, most = int(slab.max()), int(labels.voxels.max()) + MOST_NEW
    if painted > most:
        raise InputError(
            f"label {painted} was painted, expected at most {most}: take the number after the "
            "highest for a new piece",
            code="LABEL_OUTSIDE",
        )


def undone(request: Mapping[str, Any], watch: Watch) -> Answer:
    """Take back the last correction."""
    case = CaseFolder(Path(request["case"]))
    done = undo(case.results, by=request["by"], seen=request["version"], watch=watch)
    with suppress(OutputError):  # the correction is made; the page's copy can be made again
        keep_labels(case, done.version, done.labels)
    return _present(case, done.labels, done.change)


def _made(request: Mapping[str, Any], correction: Correction, watch: Watch) -> Answer:
    """Correct the version that the user saw; return what is new."""
    case = CaseFolder(Path(request["case"]))
    done = edit(
        case.results,
        [correction],
        by=request["by"],
        scan=_scan_of(case),
        seen=request["version"],
        remember=SurfaceShelf(case.view),
        pages_later=True,
        watch=watch,
    )
    with suppress(OutputError):  # the correction is made; the page's copy can be made again
        keep_labels(case, done.version, done.labels)
    return _present(case, done.labels, done.change)


def finished(request: Mapping[str, Any], watch: Watch) -> Answer:
    """Draw the pictures and the page that corrections left, unless more corrections came."""
    case = CaseFolder(Path(request["case"]))
    try:
        finish(case.results, _scan_of(case), remember=SurfaceShelf(case.view), watch=watch)
    except InputError as error:
        if error.code != "EDITED_MEANWHILE":  # else the next job draws those of the later version
            raise
    return {}


def _scan_of(case: CaseFolder) -> Scan:
    report = report_of_json((case.results / REPORT_JSON).read_text(encoding="utf-8"))
    return Scan(kept_scan(case), report.source, tuple(report.findings))


def _present(case: CaseFolder, labels: Volume, change: Change) -> Answer:
    """Return version and pieces, how many voxels changed, and the corners of their box.

    Corners are the first and the last (column, row, slice) of the volumes that the page has.
    """
    box = change.box and _same_box(labels, ras_view(labels), change.box)
    corners = box and {
        "first": [side.start for side in reversed(box)],
        "last": [side.stop - 1 for side in reversed(box)],
    }
    return {
        "version": version_of(case),
        "pieces": pieces_of(report_of(case)),
        "changed_voxels": change.voxels,
        "changed_box": corners,
    }


def _same_box(one: Volume, other: Volume, box: Box) -> Box:
    """Return a box of a volume as it lies in another view of the same voxels."""
    ends = np.transpose([[side.start, side.stop - 1] for side in reversed(box)])
    seen = np.rint(other.to_indices(one.to_mm(ends))).astype(np.intp)[:, ::-1]
    return box_at(seen.min(axis=0).tolist(), (np.ptp(seen, axis=0) + 1).tolist())
