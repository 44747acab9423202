"""The title of a case: the name of its file or folder, unless that may name a patient."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from afunet.data.patients import LONGEST_NUMBER, is_harmless
from afunet.findings import Finding, info
from afunet.formats.dicom.archive import is_archive
from afunet.formats.dicom.identifiers import names_patient
from afunet.watch import CancelToken

UNTITLED = "scan"
LONGEST_COUNT = 3
SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".zip")


@dataclass(frozen=True)
class NamedCase:
    """The title of one of several cases in its report, and the folder of its results."""

    title: str
    folder: str


def title_of(path: Path, otherwise: str = UNTITLED) -> tuple[str, list[Finding]]:
    """Return the title of a scan at a path, and a finding if `otherwise` replaces it.

    The file's name is used if it is harmless (`reads_harmless`) and none of its words belongs to
    the patient's name or number in the DICOM files.
    """
    name = stem_of(path)
    if reads_harmless(name, path) and not names_patient(name, path):
        return name, []
    message = f"the input's name may name a patient, so the case is called {otherwise}"
    return otherwise, [info("TITLE_WITHHELD", message, "give another title with --name")]


def reads_harmless(name: str, path: Path) -> bool:
    """Return whether a name has only common words of data sets, one or two letters, short numbers.

    The digits must not form a date or a hospital's number; an archive's name may have numbers of
    at most `LONGEST_COUNT` digits.
    """
    longest = LONGEST_COUNT if is_archive(path) else LONGEST_NUMBER
    runs = re.findall(r"\d+(?:[\W_]+\d+)*", name)
    short = all(sum(map(str.isdigit, run)) <= longest for run in runs)
    return short and name.isprintable() and is_harmless(name)


def named_cases(
    paths: Sequence[str | Path], cancel: CancelToken | None = None
) -> Iterator[NamedCase]:
    """Yield the title and the folder of each input, in order; no two have the same folder.

    The folder has the input's name without suffix, numbered if two agree. If that name holds a
    word of the patient's name or number in the DICOM files, the folder is case-001 and so on, by
    position. The title is the folder's name if that cannot name a patient, else case-001 and so on.
    Bytes that are no text become underscores. Raises `Cancelled`.
    """
    taken: set[str] = set()
    for number, path in enumerate(map(Path, paths), 1):
        stem, place = stem_of(path), neutral(number)
        named = names_patient(stem, path, cancel)
        clean = stem.encode("utf-8", "replace").decode().replace("?", "_")
        folder = numbered(place if named else clean, taken)
        yield NamedCase(folder if reads_harmless(stem, path) and not named else place, folder)


def told_names(cases: Sequence[Sequence[tuple[str, Path]]]) -> list[str]:
    """Return a different title for each case: the first of its names that cannot name a patient.

    Each name comes with the file or folder that it was taken from. A case without such a name is
    case-001 and so on, by position.
    """
    taken: set[str] = set()
    told = []
    for number, names in enumerate(cases, 1):
        harmless = (
            name
            for name, path in names
            if reads_harmless(name, path) and not names_patient(name, path)
        )
        told.append(numbered(next(harmless, neutral(number)), taken))
    return told


def neutral(number: int) -> str:
    """Return the title of a case without a name, by its position from 1."""
    return f"case-{number:03d}"


def numbered(name: str, taken: set[str]) -> str:
    """Return the name, with a number if its lower case is in `taken`, and add it there.

    Some file systems ignore case.
    """
    candidates = chain([name], (f"{name}-{number}" for number in count(2)))
    chosen = next(one for one in candidates if one.lower() not in taken)
    taken.add(chosen.lower())
    return chosen


def stem_of(path: Path) -> str:
    """Return the last part of a path without the suffix of a format."""
    name = path.resolve().name
    for suffix in SUFFIXES:
        if name.lower().endswith(suffix):
            name = name[: -len(suffix)]
    return name or UNTITLED
