"""Segment many scans, each as a case of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from afunet.errors import Cancelled, ExitCode
from afunet.watch import UNWATCHED, Watch
from afunet.workflows.failed_case import FailedCase, failed_case
from afunet.workflows.segment import SegmentedCase, Segmenter
from afunet.workflows.titles import named_cases


def segment_many(
    paths: Sequence[str | Path],
    output: str | Path,
    segmenter: Segmenter,
    *,
    watch: Watch = UNWATCHED,
) -> Iterator[SegmentedCase | FailedCase]:
    """Segment each scan into its own folder `output/<case>`; if one fails, the others go on.

    A folder is named after its scan's file. The report inside has that name only if it cannot
    name a patient, else the scan's number.
    """
    cases = zip(paths, named_cases(paths, watch.cancel), strict=True)
    for number, (path, named) in enumerate(cases, 1):
        watch.begin(named.title, number, len(paths))
        try:
            folder = Path(output) / named.folder
            yield segmenter.segment(path, folder, case=named.title, watch=watch)
        except Cancelled:
            raise
        except Exception as error:
            yield failed_case(named.folder, error)


def worst(results: Sequence[SegmentedCase | FailedCase]) -> ExitCode:
    """Return the exit code of a run of several scans: the highest of all."""
    codes = [
        result.exit_code
        if isinstance(result, FailedCase)
        else (ExitCode.INCOMPLETE if result.report.not_written else ExitCode.FINE)
        for result in results
    ]
    return max(codes, default=ExitCode.FINE)
