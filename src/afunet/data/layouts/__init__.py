"""The layouts of labelled data sets: each has its own file and one line in `LAYOUTS`."""

from __future__ import annotations

from pathlib import Path

from afunet.data.layouts import (
    corrected,
    dicom_label,
    nifti_pairs,
    nnunet,
    paper,
    perez_carrasco,
    simulated,
    slice_folder,
    totalsegmentator,
)
from afunet.data.layouts.pair import Layout
from afunet.errors import ConfigError, InputError

AUTO = "auto"

# The first layout that recognises a folder reads it, so the most specific ones come first.
LAYOUTS: dict[str, Layout] = {
    "simulated": Layout(simulated.detect, simulated.pairs),
    "corrected": Layout(corrected.detect, corrected.pairs),
    "nnunet": Layout(nnunet.detect, nnunet.pairs),
    "totalsegmentator": Layout(totalsegmentator.detect, totalsegmentator.pairs),
    "slices": Layout(slice_folder.detect, slice_folder.pairs),
    "perez-carrasco": Layout(perez_carrasco.detect, perez_carrasco.pairs),
    "paper": Layout(paper.detect, paper.pairs),
    "dicom-label": Layout(dicom_label.detect, dicom_label.pairs),
    "nifti-pairs": Layout(nifti_pairs.detect, nifti_pairs.pairs),
}


def layout_of(source: Path, name: str = AUTO) -> str:
    """The name of a source's layout, detected or given by `name`.

    Raises `ConfigError` for an unknown name and `InputError` for a folder of no known layout.
    """
    if name != AUTO:
        if name not in LAYOUTS:
            raise ConfigError(f"unknown layout {name!r}: choose {AUTO}, {', '.join(LAYOUTS)}")
        return name
    found = next((known for known, layout in LAYOUTS.items() if layout.detect(source)), None)
    if found is None:
        raise InputError(
            f"{source} has none of the layouts {', '.join(LAYOUTS)} (docs/data.md): name one with "
            "--layout, or arrange the files as in one of them",
            code="NO_LAYOUT",
        )
    return found
