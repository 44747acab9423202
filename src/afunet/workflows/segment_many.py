"""Many scans, each a case of its own: one that fails never stops the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from afunet.errors import Cancelled, ExitCode
from afunet.faults import PROGRAM_ERROR, code_of, exit_code_of, keep_stack, reason_of
from afunet.progress import CancelToken, Progress, begin, silent
from afunet.workflows.segment import SegmentedCase, Segmenter
from afunet.workflows.titles import named_cases


@dataclass(frozen=True)
class FailedCase:
    """A case that was refused or failed, why, in one line, and what that means for the run."""

    name: str
    reason: str
    code: str = ""
    exit_code: ExitCode = ExitCode.REFUSED


def segment_many(
    paths: Sequence[str | Path],
    output: str | Path,
    segmenter: Segmenter,
    *,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> Iterator[SegmentedCase | FailedCase]:
    """Each scan into its own folder `output/<case>`; one that fails never stops the others.

    A folder is called after its scan's file. The report inside has that name only where it cannot
    name a patient, else the scan's place among all.
    """
    for number, (path, named) in enumerate(zip(paths, named_cases(paths, cancel), strict=True), 1):
        begin(progress, named.title, number, len(paths))
        try:
            yield segmenter.segment(
                path,
                Path(output) / named.folder,
                case=named.title,
                progress=progress,
                cancel=cancel,
            )
        except Cancelled:
            raise
        except Exception as error:
            yield _failed(named.folder, error)


def worst(results: Sequence[SegmentedCase | FailedCase]) -> ExitCode:
    """What a run of several scans ends with: the highest code of any of them."""
    codes = [
        result.exit_code
        if isinstance(result, FailedCase)
        else (ExitCode.INCOMPLETE if result.report.not_written else ExitCode.FINE)
        for result in results
    ]
    return max(codes, default=ExitCode.FINE)


def _failed(name: str, error: Exception) -> FailedCase:
    reason, code = reason_of(error), code_of(error)
    if code == PROGRAM_ERROR and (kept := keep_stack(error)):
        reason += f": please report it with {kept}, which holds no data"
    return FailedCase(name, reason, code, exit_code_of(error))
