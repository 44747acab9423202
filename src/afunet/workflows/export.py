"""Write the present pieces of a results folder in more formats, into another folder."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np

from afunet.errors import InputError
from afunet.formats.dicom.algorithm import Algorithm
from afunet.formats.scan import Scan
from afunet.plan import Step
from afunet.reconstruction.remeasuring import remeasured
from afunet.reconstruction.surface import surface
from afunet.report.not_written import NotWritten
from afunet.watch import UNWATCHED, Watch
from afunet.workflows.attempts import Attempts, WrittenResults
from afunet.workflows.case_results import CaseResults
from afunet.workflows.document import write_document
from afunet.workflows.edit_list import read_edits
from afunet.workflows.edited_folder import opened
from afunet.workflows.edited_pages import flag_pictures
from afunet.workflows.result_files import (
    DOCUMENT,
    PDF,
    require_formats,
    require_source_for,
    results_of,
)
from afunet.workflows.staging import check_writable, staged_folder

MEASURING, SURFACE, WRITING = "surfaces of pieces", "surface", "writing"
PLAN = (Step(MEASURING, share=1), Step(SURFACE, share=0.8), Step(WRITING, share=0.5))
COMMAND = "export"


@dataclass(frozen=True, eq=False)
class Exported:
    """The files that were written, and the results that could not be."""

    files: tuple[Path, ...]
    not_written: Sequence[NotWritten] = ()


def export(
    results: Path,
    scan: Scan,
    output: Path,
    formats: Collection[str],
    *,
    watch: Watch = UNWATCHED,
) -> Exported:
    """Write the pieces of `results`, what `segment` and `edit` left there, as `formats`.

    `scan` is the scan of these results. Results that were corrected by hand say so (algorithm type
    SEMIAUTOMATIC). Raises `ConfigError` for an unknown format, and for one that this scan cannot
    have; `GeometryError` for a scan on another grid; `InputError` for what is no result of
    `segment`.
    """
    require_formats(formats)
    require_source_for(formats, scan)
    check_writable(output, COMMAND)
    before = opened(results)
    if before.report is None:
        raise InputError(
            f"{results.name} holds no results of afunet segment: give those", code="NOT_PIECES"
        )
    before.labels.require_same_grid(scan.volume, "the scan")
    instances = remeasured(before.labels, before.names, scan.volume, watch=watch)
    mask = before.labels.with_voxels((before.labels.voxels > 0).astype(np.uint8))
    model = before.report.model
    edited = bool(read_edits(before.folder).edits)
    found = CaseResults(
        scan,
        mask,
        surface(mask, watch=watch),
        instances,
        Algorithm(model.name, version("afunet"), model.sha256, edited=edited),
        flags=tuple((flag.code, flag.piece) for flag in before.report.flags),
    )
    attempts, listed = Attempts(), results_of(formats)
    with staged_folder(output, COMMAND) as stage:
        written = WrittenResults(stage, attempts)
        for done, (what, write) in enumerate(listed):
            watch.check()
            watch.tell(WRITING, done, len(listed))
            written.write(what, partial(write, found))
        if PDF in formats:
            flags = flag_pictures(before.folder, before.report.flags)
            document = partial(write_document, found, before.report, before.folder, flags)
            written.write(DOCUMENT, document)
        written.require_any()
        watch.check()
    return Exported(tuple(output / name for name in written.names), tuple(attempts.missing))
