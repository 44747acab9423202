"""What a case is called: its file's or folder's name, unless that may name a patient."""

from __future__ import annotations

import re
from pathlib import Path

from afunet.data.patients import LONGEST_NUMBER, is_harmless
from afunet.formats.dicom.archive import is_archive
from afunet.formats.findings import Finding, info

UNTITLED = "scan"
LONGEST_COUNT = 3
SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".zip")


def title_of(path: Path, otherwise: str = UNTITLED) -> tuple[str, list[Finding]]:
    """The name of a scan at a path, and a finding where it was withheld for `otherwise`.

    A name is taken where every word of it is a common one of data sets, a letter or two, or a
    number of few digits, no digits together could be a date or a hospital's number, and none is a
    word of the patient's name or number in the DICOM there. An archive is not unpacked for that;
    its name may hold numbers of `LONGEST_COUNT` digits only.
    """
    name = stem_of(path)
    longest = LONGEST_COUNT if is_archive(path) else LONGEST_NUMBER
    runs = re.findall(r"\d+(?:[\W_]+\d+)*", name)
    short = all(sum(map(str.isdigit, run)) <= longest for run in runs)
    image = None if is_archive(path) else path
    if short and name.isprintable() and is_harmless(name, image):
        return name, []
    message = f"the input's name may name a patient, so the case is called {otherwise}"
    return otherwise, [info("TITLE_WITHHELD", message, "--name gives it another title")]


def stem_of(path: Path) -> str:
    """A path's own name without the suffix of a format."""
    name = path.resolve().name
    for suffix in SUFFIXES:
        if name.lower().endswith(suffix):
            name = name[: -len(suffix)]
    return name or UNTITLED
