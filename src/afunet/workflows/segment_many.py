"""Many scans, each a case of its own: one that fails never stops the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from afunet.errors import Cancelled, ExitCode
from afunet.faults import PROGRAM_ERROR, code_of, exit_code_of, keep_stack, reason_of
from afunet.formats.dicom.identifiers import names_patient
from afunet.progress import CancelToken, Progress, begin, silent
from afunet.workflows.segment import SegmentedCase, Segmenter
from afunet.workflows.titles import stem_of, title_of


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
    names = case_names(paths)
    for number, (path, name) in enumerate(zip(paths, names, strict=True), 1):
        title, _ = title_of(Path(path), f"case-{number:03d}")
        title = name if title == stem_of(Path(path)) else title
        begin(progress, title, number, len(names))
        try:
            yield segmenter.segment(
                path, Path(output) / name, case=title, progress=progress, cancel=cancel
            )
        except Cancelled:
            raise
        except Exception as error:
            yield _failed(name, error)


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


def case_names(paths: Sequence[str | Path]) -> list[str]:
    """A folder name for each input: its own name without suffix, numbered where two agree.

    Where that name holds a word of the DICOM's patient name or number, it is case-001 and so on,
    in the order of the inputs. Bytes that are no text become underscores.
    """
    names: list[str] = []
    for number, path in enumerate(paths, 1):
        stem = stem_of(Path(path)).encode("utf-8", "replace").decode().replace("?", "_")
        if names_patient(stem, Path(path)):
            stem = f"case-{number:03d}"
        numbered = (f"{stem}-{number}" for number in count(2))
        taken = {name.lower() for name in names}  # file systems may not tell a from A
        names.append(next(name for name in chain([stem], numbered) if name.lower() not in taken))
    return names
