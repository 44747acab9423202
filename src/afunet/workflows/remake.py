"""Make the results again that follow from a corrected label map."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from importlib.metadata import version

from afunet.formats.dicom.algorithm import Algorithm
from afunet.formats.labelling import Labelling
from afunet.formats.scan import Scan
from afunet.reconstruction.pieces import Instances
from afunet.report.case import facts
from afunet.watch import Watch
from afunet.workflows.attempts import WrittenResults
from afunet.workflows.case_pages import OVERLAY, REPORT_HTML, REPORT_JSON, SCENE
from afunet.workflows.case_results import CaseResults
from afunet.workflows.corrected import OF_MASK, Corrected
from afunet.workflows.corrected_classes import with_classes
from afunet.workflows.edit_list import EDITS
from afunet.workflows.edited_pages import (
    NOT_YET,
    Pages,
    pages_to_come,
    placed,
    put_off,
    surfaces_among,
    write_report,
)
from afunet.workflows.former_formats import formats_of, surface_kinds
from afunet.workflows.reconstruct import PIECES_JSON, results_of_labelling, write_pieces_table
from afunet.workflows.result_files import (
    DICOM_RESULTS,
    results_of,
)

WRITING = "writing"
INSTANCES_OR_TABLE = ("instances.", REPORT_JSON, PIECES_JSON)


def write_corrected(made: Corrected, written: WrittenResults, watch: Watch) -> None:
    """Write the results again that follow from the corrected pieces.

    Raises `OutputError` if the label map or the table of pieces could not be written: the next
    correction needs both.
    """
    if made.before.report is None:
        _write_reconstruction(made, written, watch)
    else:
        _write_case(made, made.before.report, written, watch)
    written.require(name for name in made.before.results if name.startswith(INSTANCES_OR_TABLE))


def _write_reconstruction(made: Corrected, written: WrittenResults, watch: Watch) -> None:
    read = Labelling(made.instances.labels, made.before.findings)
    kinds = surface_kinds(made.before)
    listed = results_of_labelling(read, made.mesh, made.instances, kinds)
    _note_missing(made, written, listed)
    for done, (what, write) in enumerate(listed):
        _step(watch, done, len(listed) + 1)
        written.write(what, write)
    carry(made, written)
    written.write_stacks()
    written.write(PIECES_JSON, partial(write_pieces_table, made.instances, made.findings, written))
    _step(watch, 1, 1)


def _write_case(
    made: Corrected, report: facts.Report, written: WrittenResults, watch: Watch
) -> None:
    scan = made.scan or Scan(made.instances.labels, report.source, made.before.findings)
    results = CaseResults(
        scan,
        made.mask,
        made.mesh,
        made.instances,
        Algorithm(report.model.name, version("afunet"), report.model.sha256, edited=True),
        segmentation_kind=made.dicom.kind,
        deidentified=made.dicom.deidentified,
        flags=tuple((flag.code, flag.piece) for flag in report.flags),
    )
    if made.mask_changed:
        results = with_classes(made, results)
    listed = [
        (what, write)
        for what, write in results_of(formats_of(made.before, with_dicom=made.scan is not None))
        if made.mask_changed or not what.startswith(OF_MASK) or _is_surface_anew(made, what)
        if what not in DICOM_RESULTS.values() or made.outdated(what)
    ]
    _note_missing(made, written, listed)
    later = surfaces_among(what for what, _ in listed) if made.surface_later else []
    put_off(written, later)
    for done, (what, write) in enumerate(listed):
        _step(watch, done, len(listed) + 2)
        if what not in later:
            written.write(what, partial(write, results))
    _write_pages(made, report, scan, written, watch)


def _write_pages(
    made: Corrected, report: facts.Report, scan: Scan, written: WrittenResults, watch: Watch
) -> None:
    """Write the pictures and the report; the pictures of flags are those of before."""
    flags = [
        still
        for flag in report.flags
        if (still := _still_flagged(flag, made.instances)) is not None
    ]
    corrected = _corrected_report(made, report, flags)
    drawn = made.mask_changed or OVERLAY in pages_to_come(made.before.folder)
    mask = made.mask if drawn and made.scan is not None else None
    if made.pages_later:
        put_off(written, [SCENE, *([OVERLAY] if mask is not None else []), REPORT_HTML])
        carry(made, written)
    else:
        pages = Pages(corrected, scan, made.instances, made.mesh, mask, made.before.folder)
        corrected = pages.write(written, lambda: carry(made, written), watch)
    written.write_stacks()
    write_report(corrected, written)
    _step(watch, 2, 2)


def _is_surface_anew(made: Corrected, what: str) -> bool:
    return made.surface_anew and bool(surfaces_among([what]))


def _still_flagged(flag: facts.FlagFacts, instances: Instances) -> facts.FlagFacts | None:
    """Return a flag as it is after a correction, None if what it is about is gone."""
    names = {piece.measures.label: piece.name for piece in instances.pieces}
    if flag.centre_mm is None:
        return flag if flag.piece is None or flag.piece in names else None
    for one in instances.suspected:
        if one.cut.centre_mm == flag.centre_mm:
            label = one.cut.one
            words = one.in_words(names.get(label, f"piece {label}"), flag.slice or 0)
            return replace(flag, piece=label, message=words)
    return None


def _corrected_report(
    made: Corrected, report: facts.Report, flags: list[facts.FlagFacts]
) -> facts.Report:
    known = report.source.spacing_known
    sure = tuple(one for one in report.confidence.pieces if one.label in made.kept)
    surface = report.surface
    if made.surface_anew:
        surface = facts.SurfaceFacts.of(made.mesh, surface.renderer, spacing_known=known)
    return replace(
        report,
        findings=made.findings,
        flags=tuple(flags),
        confidence=replace(report.confidence, pieces=sure),
        bone=facts.BoneFacts.of(made.mask, made.instances, report.bone.cleanup),
        surface=surface,
        pieces=made.instances.pieces,
        cuts=made.instances.cuts,
        suspected=[one.cut for one in made.instances.suspected],
    )


def carry(made: Corrected, written: WrittenResults) -> None:
    """Put the results that are still true beside those made again."""
    for name in made.before.results:
        if not made.outdated(name) and name not in written.names:
            placed(made.before.folder / name, written.folder / name)
            written.names.append(name)
    written.names.append(EDITS)


def _note_missing(
    made: Corrected, written: WrittenResults, listed: Iterable[tuple[str, object]]
) -> None:
    """Keep the missing results of before that are not tried again."""
    tried = {what for what, _ in listed} | {SCENE, REPORT_HTML, REPORT_JSON, PIECES_JSON}
    old = [
        one
        for one in made.before.not_written
        if one.format not in tried and (one.code != NOT_YET or made.scan is None)
    ]
    written.attempts.missing[:0] = old


def _step(watch: Watch, done: int, total: int) -> None:
    watch.check()
    watch.tell(WRITING, done, total)
