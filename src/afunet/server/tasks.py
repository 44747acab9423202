"""What the processes of the server do: look at uploads, segment, correct, export."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from afunet.errors import AfunetError, InputError
from afunet.findings import Finding, Severity
from afunet.formats.readers import list_series, read_scan
from afunet.formats.summary import SeriesSummary
from afunet.jobs.tasks import Answer, Task
from afunet.plan import Step
from afunet.server.correcting import corrected, finished, painted, undone
from afunet.server.home import CaseFolder, remove
from afunet.server.kinds import (
    ANSWER,
    EDIT,
    EXPORT,
    FINISH,
    INSPECT,
    PAINT,
    SEGMENT,
    TRAINING,
    UNDO,
)
from afunet.server.uploaded_files import scan_files
from afunet.server.view import keep_scan, kept_labels, version_of
from afunet.server.view_meshes import mesh_file
from afunet.watch import Watch
from afunet.workflows.analyse import PLAN as ANALYSIS
from afunet.workflows.case_writing import PLAN as CASE_WRITING
from afunet.workflows.corrected_store import CorrectedCase, export_corrected
from afunet.workflows.export import PLAN as EXPORT_PLAN
from afunet.workflows.export import export as write_export
from afunet.workflows.finish import PLAN as FINISHING
from afunet.workflows.network import PLAN as LOADING
from afunet.workflows.segment import Segmenter, SegmentOptions
from afunet.workflows.titles import UNTITLED

READING = ("unpacking", "reading headers", "reading slices")
VIEWING, MESHES = "preparing the view", "surfaces for the page"
SEGMENTING = (
    *map(Step, READING),
    Step(VIEWING, share=0.05),
    *LOADING,
    *(step for step in ANALYSIS if step.name not in READING),
    *CASE_WRITING,
    Step(MESHES, share=0.05),
)


def inspect(request: Mapping[str, Any], watch: Watch) -> Answer:
    """List the series of an upload as the page shows them."""
    summaries = list_series(scan_files(Path(request["folder"])), watch=watch)
    return {"series": [_series(summary, n) for n, summary in enumerate(summaries, start=1)]}


def segment(request: Mapping[str, Any], watch: Watch) -> Answer:
    """Read the scan of a case, keep it for the page, and segment it."""
    case = CaseFolder(Path(request["case"]))
    files = scan_files(case.input)
    scan = read_scan(files, series=request["series"] or None, watch=watch)
    watch.tell(VIEWING, 0, 1)
    keep_scan(case, scan.volume)
    watch.tell(VIEWING, 1, 1)
    segmenter = Segmenter(SegmentOptions(fast=request["fast"]), watch=watch)
    done = segmenter.segment(scan, case.results, case=request["title"], watch=watch)
    _prepare(case, [piece.measures.label for piece in done.pieces], watch)
    return {}


def export(request: Mapping[str, Any], watch: Watch) -> Answer:
    """Write the present pieces of a case in other formats."""
    case = CaseFolder(Path(request["case"]))
    before = version_of(case)
    scan = read_scan(scan_files(case.input), series=request["series"] or None, watch=watch)
    done = write_export(case.results, scan, case.exports, request["formats"], watch=watch)
    if version_of(case) != before:
        remove(case.exports)
        raise InputError(
            "the pieces were changed during the export: export them again", code="EDITED_MEANWHILE"
        )
    return {"files": [path.name for path in done.files]}


def training(request: Mapping[str, Any], watch: Watch) -> Answer:
    """Write all corrected cases of a user as a data set to learn from."""
    cases = [CaseFolder(Path(path)) for path in request["cases"]]
    given = [
        CorrectedCase(case.results, _one(case.input), case.facts.series or None) for case in cases
    ]
    done = export_corrected(given, Path(request["folder"]), watch=watch)
    return {"cases": len(done.cases), "left_out": len(done.left_out)}


def _one(folder: Path) -> Path:
    """Return the only file of a folder, which may be a volume or an archive, or the folder."""
    files = scan_files(folder)
    return files[0] if len(files) == 1 else folder


def answer_slicer(request: Mapping[str, Any], watch: Watch) -> Answer:
    """Segment a scan that a client of MONAI Label sent."""
    segmenter = Segmenter(SegmentOptions(fast=request["fast"]), watch=watch)
    segmenter.segment(Path(request["scan"]), Path(request["results"]), case=UNTITLED, watch=watch)
    return {}


def _prepare(case: CaseFolder, labels: list[int], watch: Watch) -> None:
    """Make the surfaces that the page will ask for; it can do without them."""
    kept = kept_labels(case, version_of(case))
    for done, label in enumerate(labels):
        watch.tell(MESHES, done, len(labels))
        watch.check()
        try:
            mesh_file(case.view, kept, label, "mz3")
        except AfunetError:
            continue


def _series(summary: SeriesSummary, number: int) -> dict[str, Any]:
    columns, rows, slices = summary.size
    errors = [one for one in summary.findings if one.severity is Severity.ERROR]
    region = "" if summary.source.region == "unknown" else f", {summary.source.region}"
    return {
        "series": str(number),
        "title": f"{summary.content}{region}",
        "modality": summary.source.modality,
        "slices": slices,
        "images": summary.image_count,
        "shape": [columns, rows, slices],
        "spacing_mm": summary.spacing_mm,
        "chosen": summary.chosen,
        "reason": summary.reason,
        "findings": [_finding(one) for one in summary.findings],
        "refused": {"code": errors[0].code, "message": errors[0].message} if errors else None,
    }


def _finding(finding: Finding) -> dict[str, str]:
    return {key: str(value) for key, value in asdict(finding).items()}


TASKS = {
    INSPECT: Task(inspect),
    SEGMENT: Task(segment, SEGMENTING),
    EXPORT: Task(export, (*map(Step, READING), *EXPORT_PLAN)),
    EDIT: Task(corrected),
    PAINT: Task(painted),
    UNDO: Task(undone),
    FINISH: Task(finished, FINISHING),
    TRAINING: Task(training),
    ANSWER: Task(answer_slicer),
}
