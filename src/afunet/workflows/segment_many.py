"""Many scans, each a case of its own: one that fails never stops the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from afunet.errors import AfunetError, Cancelled
from afunet.formats.dicom.identifiers import names_patient
from afunet.progress import CancelToken, Progress, silent
from afunet.workflows.segment import SegmentedCase, Segmenter


@dataclass(frozen=True)
class FailedCase:
    """A case that was refused or failed, and why, in one line."""

    name: str
    reason: str


def segment_many(
    paths: Sequence[str | Path],
    output: str | Path,
    segmenter: Segmenter,
    *,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> Iterator[SegmentedCase | FailedCase]:
    """Each scan into its own folder `output/<case>`; one that fails never stops the others."""
    for path, case in zip(paths, case_names(paths), strict=True):
        try:
            yield segmenter.segment(
                path, Path(output) / case, case=case, progress=progress, cancel=cancel
            )
        except Cancelled:
            raise
        except AfunetError as error:
            yield FailedCase(case, str(error))
        except Exception as error:
            yield FailedCase(case, f"an error of afunet itself, please report it: {error!r}")


def case_names(paths: Sequence[str | Path]) -> list[str]:
    """A folder name for each input: its own name without suffix, numbered where two agree.

    Where that name holds a word of the DICOM's patient name or number, it is case-001 and so on,
    in the order of the inputs.
    """
    names: list[str] = []
    for number, path in enumerate(paths, 1):
        stem = _stem(Path(path))
        if names_patient(stem, Path(path)):
            stem = f"case-{number:03d}"
        numbered = (f"{stem}-{number}" for number in count(2))
        taken = {name.lower() for name in names}  # file systems may not tell a from A
        names.append(next(name for name in chain([stem], numbered) if name.lower() not in taken))
    return names


def _stem(path: Path) -> str:
    name = path.resolve().name
    for suffix in (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".zip"):
        if name.lower().endswith(suffix):
            name = name[: -len(suffix)]
    return name or "scan"
