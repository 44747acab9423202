"""Corrections of a case: what the server's processes do with the pieces of its results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afunet.formats.scan import Scan
from afunet.fragments.editing import digest_of_labels
from afunet.geometry import Volume, bounding_box
from afunet.jobs.tasks import Answer
from afunet.report.case.reading import report_of_json
from afunet.server.case_facts import pieces_of, report_of
from afunet.server.home import CaseFolder
from afunet.server.nifti_stream import ras_view
from afunet.server.refusals import stale_version
from afunet.server.view import kept_labels, kept_scan, version_of
from afunet.watch import Watch
from afunet.workflows.case_pages import REPORT_JSON
from afunet.workflows.edit import Edited, undo
from afunet.workflows.edit import edit as make
from afunet.workflows.edit_list import Edit, EditKind


@dataclass(frozen=True, eq=False)
class Opened:
    """A case as the user looked at it: its scan, its labels and their digest."""

    case: CaseFolder
    scan: Scan
    labels: Volume

    @property
    def seen(self) -> str:
        """The digest by which a correction knows that nobody else was faster."""
        return digest_of_labels(self.labels)


def corrected(request: Mapping[str, Any], watch: Watch) -> Answer:
    """Carry out one correction of whole pieces."""
    seeds = tuple((float(x), float(y), float(z)) for x, y, z in request["seeds_mm"])
    one = Edit(EditKind(request["kind"]), tuple(request["pieces"]), seeds, request["name"])
    return _changed(
        request,
        lambda case: make(case.case.results, [one], scan=case.scan, seen=case.seen, watch=watch),
    )


def undone(request: Mapping[str, Any], watch: Watch) -> Answer:
    """Take back the last correction."""
    return _changed(request, lambda case: undo(case.case.results, seen=case.seen, watch=watch))


def _changed(request: Mapping[str, Any], change: Callable[[Opened], Edited]) -> Answer:
    """Change the pieces of the version that the user saw; return what is new."""
    case = CaseFolder(Path(request["case"]))
    if version_of(case) != request["version"]:
        raise stale_version()
    before = kept_labels(case, request["version"])
    report = report_of_json((case.results / REPORT_JSON).read_text(encoding="utf-8"))
    scan = Scan(kept_scan(case), report.source, tuple(report.findings))
    change(Opened(case, scan, before))
    version = version_of(case)
    after = kept_labels(case, version)
    return {
        "version": version,
        "pieces": pieces_of(report_of(case)),
        **_difference(ras_view(before).voxels, ras_view(after).voxels),
    }


def _difference(before: NDArray[Any], after: NDArray[Any]) -> dict[str, Any]:
    """Return how many voxels changed, and the first and last (column, row, slice) of their box."""
    changed = before != after
    box = bounding_box(changed)
    if box is None:
        return {"changed_voxels": 0, "changed_box": None}
    corners = {
        "first": [side.start for side in reversed(box)],
        "last": [side.stop - 1 for side in reversed(box)],
    }
    return {"changed_voxels": int(np.count_nonzero(changed)), "changed_box": corners}
