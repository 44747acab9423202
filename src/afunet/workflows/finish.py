"""Make what a quick correction left for later: pictures, page, the surface of all bone."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from afunet.errors import InputError
from afunet.formats.scan import Scan
from afunet.fragments.cut import Suspicion
from afunet.geometry import Mesh, Volume
from afunet.plan import Step
from afunet.reconstruction.pieces import Remember, afresh
from afunet.reconstruction.remeasuring import remeasured
from afunet.report.case.facts import Report, SurfaceFacts
from afunet.report.case.findings import OF_PIECES_FOUND, result_findings
from afunet.watch import UNWATCHED, Watch
from afunet.workflows.attempts import Attempts, WrittenResults
from afunet.workflows.case_pages import OVERLAY, REPORT_JSON
from afunet.workflows.dividing import SURFACE, Dividing
from afunet.workflows.edit_list import EDITS, parted_by_hand, read_edits
from afunet.workflows.edited_folder import folder_of, opened, version_of
from afunet.workflows.edited_pages import (
    DRAWING,
    NOT_YET,
    Pages,
    pages_to_come,
    placed,
    surfaces_among,
    write_report,
)
from afunet.workflows.exchange import files_in
from afunet.workflows.folder_lock import alone_in
from afunet.workflows.own_files import (
    LIST,
    OwnFiles,
    digest_of,
    read_own_files,
    require_unchanged,
)
from afunet.workflows.result_files import write_whole
from afunet.workflows.staging import staged_folder

PLAN = (Step(SURFACE, share=0.2), Step("surfaces of pieces", share=0.2), Step(DRAWING, share=1))


def finish(
    results: Path, scan: Scan, *, remember: Remember = afresh, watch: Watch = UNWATCHED
) -> tuple[str, ...]:
    """Make what `edit` with `pages_later` left; return the names, none if nothing was left.

    The version of the pieces stays, and no file but these and the report is touched. Corrections
    can be made meanwhile: then nothing is written, and `InputError` (`EDITED_MEANWHILE`) is raised.
    Raises `InputError` as `opened` does.
    """
    with alone_in(folder_of(results) / EDITS):
        seen, before = version_of(results), opened(results)
        coming, report = pages_to_come(before.folder), before.report
    if report is None or not coming:
        return ()
    instances = remeasured(
        before.labels,
        before.names,
        scan.volume,
        parted=before.of_one_bone | parted_by_hand(read_edits(before.folder).edits),
        cuts=before.cuts,
        suspected=tuple(map(Suspicion, before.suspected)),
        remember=remember,
        watch=watch,
    )
    bone = before.labels.with_voxels((before.labels.voxels > 0).view(np.uint8))
    mask = bone if OVERLAY in coming else None
    attempts = Attempts(one for one in report.not_written if one.code != NOT_YET)
    told = replace(report, pieces=instances.pieces)
    mesh, wholes = None, surfaces_among(sorted(coming))
    if wholes:
        mesh = Dividing(attempts, None, None, watch).surface(bone)
        told = _with_surface(told, bone, mesh)
    own = read_own_files(before.folder)
    require_unchanged(before.folder, own, [REPORT_JSON])
    with ExitStack() as stack, staged_folder(before.folder) as stage:
        written = WrittenResults(stage, attempts)
        result = Pages(told, scan, instances, None, mask, before.folder)
        for name in wholes:
            written.write(name, partial(_write_whole, mesh, name))

        def carry() -> None:
            stack.enter_context(alone_in(before.folder / EDITS))
            if version_of(results) != seen:
                raise InputError(
                    "the pieces were corrected meanwhile: draw them again", code="EDITED_MEANWHILE"
                )
            if OVERLAY in before.results:
                placed(before.folder / OVERLAY, stage / OVERLAY)  # the page shows it
            written.names[:0] = [name for name in before.results if name != REPORT_JSON]
            written.names.append(EDITS)

        drawn = result.write(written, carry, watch)
        written.write_stacks()
        write_report(drawn, written)
        (stage / LIST).write_text(_with(own, before.command, stage).to_json(), encoding="utf-8")
    return tuple(sorted(coming))


def _with_surface(report: Report, bone: Volume, mesh: Mesh | None) -> Report:
    """Return the report with the numbers of the surface, and with what is to be said of it."""
    facts = SurfaceFacts.of(
        mesh, report.surface.renderer, spacing_known=report.source.spacing_known
    )
    said = {one.code for one in report.findings}
    new = [one for one in result_findings(bone, mesh, None) if one.code not in said]
    of_pieces = [one for one in report.findings if one.code in OF_PIECES_FOUND]
    others = [one for one in report.findings if one.code not in OF_PIECES_FOUND]
    return replace(report, surface=facts, findings=(*others, *new, *of_pieces))


def _write_whole(mesh: Mesh | None, name: str, folder: Path) -> list[str]:
    return [] if mesh is None else write_whole(mesh, name.rpartition(".")[2], folder)


def _with(own: OwnFiles, command: str, stage: Path) -> OwnFiles:
    """Return the list of own files with those in a stage, beside all others of the command."""
    new = {name: digest_of(stage / name) or "" for name in files_in(stage)}
    written = {**own.files.get(command, {}), **new}
    return own.after(command, written, own.removed.get(command, ()))
