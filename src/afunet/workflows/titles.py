"""What a case is called: its file's or folder's name, unless that may name a patient."""

from __future__ import annotations

import re
from pathlib import Path

from afunet.data.patients import LONGEST_NUMBER, is_harmless
from afunet.formats.findings import Finding, info

UNTITLED = "scan"
SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".zip")


def title_of(path: Path, otherwise: str = UNTITLED) -> tuple[str, list[Finding]]:
    """The name of a scan at a path, and a finding where it was withheld for `otherwise`.

    A name is taken where every word of it is a common one of data sets, a letter or two, or a
    number of few digits, and no digits together could be a date or a hospital's number.
    """
    name = stem_of(path)
    runs = re.findall(r"\d+(?:[\W_]+\d+)*", name)
    short = all(sum(map(str.isdigit, run)) <= LONGEST_NUMBER for run in runs)
    if short and name.isprintable() and is_harmless(name, path):
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
