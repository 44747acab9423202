"""Draw the pictures and the page that a quick correction left for later."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from afunet.errors import InputError
from afunet.formats.scan import Scan
from afunet.fragments.cut import Suspicion
from afunet.plan import Step
from afunet.reconstruction.pieces import Remember, afresh
from afunet.reconstruction.remeasuring import remeasured
from afunet.watch import UNWATCHED, Watch
from afunet.workflows.attempts import Attempts, WrittenResults
from afunet.workflows.case_pages import OVERLAY, REPORT_JSON
from afunet.workflows.edit_list import EDITS, parted_by_hand, read_edits
from afunet.workflows.edited_folder import folder_of, opened, version_of
from afunet.workflows.edited_pages import (
    DRAWING,
    NOT_YET,
    Pages,
    pages_to_come,
    placed,
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
from afunet.workflows.staging import staged_folder

PLAN = (Step("surfaces of pieces", share=0.2), Step(DRAWING, share=1))


def finish(
    results: Path, scan: Scan, *, remember: Remember = afresh, watch: Watch = UNWATCHED
) -> tuple[str, ...]:
    """Draw what `edit` with `pages_later` left; return the names, none if nothing was left.

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
    mask = before.labels.with_voxels(before.labels.voxels > 0) if OVERLAY in coming else None
    missing = [one for one in report.not_written if one.code != NOT_YET]
    own = read_own_files(before.folder)
    require_unchanged(before.folder, own, [REPORT_JSON])
    with ExitStack() as stack, staged_folder(before.folder) as stage:
        written = WrittenResults(stage, Attempts(missing))
        told = replace(report, pieces=instances.pieces)
        result = Pages(told, scan, instances, None, mask, before.folder)

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


def _with(own: OwnFiles, command: str, stage: Path) -> OwnFiles:
    """Return the list of own files with those in a stage, beside all others of the command."""
    new = {name: digest_of(stage / name) or "" for name in files_in(stage)}
    written = {**own.files.get(command, {}), **new}
    return own.after(command, written, own.removed.get(command, ()))
