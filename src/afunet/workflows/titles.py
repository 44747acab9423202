"""What a case is called: its file's or folder's name, unless that may name a patient."""

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
    """What one of several cases is called in a report, and the folder of its results."""

    title: str
    folder: str


def title_of(path: Path, otherwise: str = UNTITLED) -> tuple[str, list[Finding]]:
    """The name of a scan at a path, and a finding where it was withheld for `otherwise`.

    A name is taken where it reads as nobody's (`reads_harmless`) and none of its words is one of
    the patient's name or number in the DICOM there.
    """
    name = stem_of(path)
    if reads_harmless(name, path) and not names_patient(name, path):
        return name, []
    message = f"the input's name may name a patient, so the case is called {otherwise}"
    return otherwise, [info("TITLE_WITHHELD", message, "--name gives it another title")]


def reads_harmless(name: str, path: Path) -> bool:
    """Whether each word of a name is a common one of data sets, a letter or two, or a short number.

    No digits together may be a date or a hospital's number; an archive's name may hold numbers of
    `LONGEST_COUNT` digits only.
    """
    longest = LONGEST_COUNT if is_archive(path) else LONGEST_NUMBER
    runs = re.findall(r"\d+(?:[\W_]+\d+)*", name)
    short = all(sum(map(str.isdigit, run)) <= longest for run in runs)
    return short and name.isprintable() and is_harmless(name)


def named_cases(
    paths: Sequence[str | Path], cancel: CancelToken | None = None
) -> Iterator[NamedCase]:
    """The title and the folder of each input, in order; no two have the same folder.

    The folder is called as the input without suffix, numbered where two agree, but case-001 and so
    on, by its place, where that holds a word of the DICOM's patient name or number. The title is
    the folder's name where that can name nobody, else case-001. Bytes that are no text become
    underscores. Raises `Cancelled`.
    """
    taken: set[str] = set()
    for number, path in enumerate(map(Path, paths), 1):
        stem, place = stem_of(path), neutral(number)
        named = names_patient(stem, path, cancel)
        clean = stem.encode("utf-8", "replace").decode().replace("?", "_")
        folder = numbered(place if named else clean, taken)
        yield NamedCase(folder if reads_harmless(stem, path) and not named else place, folder)


def told_names(cases: Sequence[Sequence[tuple[str, Path]]]) -> list[str]:
    """What each case is called, no two alike: the first of its names that can name nobody.

    A name comes with the file or folder that it was taken from. Without any it is case-001 and so
    on, by its place.
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
    """The name of a case that has none, by its place from 1."""
    return f"case-{number:03d}"


def numbered(name: str, taken: set[str]) -> str:
    """The name, with a number where it is among the lower-case `taken`, which it joins.

    File systems may not tell a from A.
    """
    candidates = chain([name], (f"{name}-{number}" for number in count(2)))
    chosen = next(one for one in candidates if one.lower() not in taken)
    taken.add(chosen.lower())
    return chosen


def stem_of(path: Path) -> str:
    """A path's own name without the suffix of a format."""
    name = path.resolve().name
    for suffix in SUFFIXES:
        if name.lower().endswith(suffix):
            name = name[: -len(suffix)]
    return name or UNTITLED
