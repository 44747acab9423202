"""Volume pairs from candidate files: one image and one label per case, or a reason why not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from afunet.data.layouts.bone_labels import chosen_values
from afunet.data.layouts.files import given_cases, given_of, not_there
from afunet.data.layouts.pair import Choice, Found, LeftOut
from afunet.data.layouts.volume_pair import VolumePair
from afunet.errors import InputError

Candidates = tuple[str, list[Path], list[Path]]
"""A case's name, the files that could be its image, and the files that could be its label."""


def matched_pairs(
    candidates: Iterable[Candidates],
    pick: Callable[[list[Path], list[Path]], tuple[Path, Path]],
    source: Path,
    choice: Choice,
) -> Found:
    """One pair per case; if `pick` raises `InputError`, the case is left out for that reason."""
    known, bones = given_cases(source), chosen_values(choice)
    cases: list[VolumePair] = []
    left_out: list[LeftOut] = []
    for case, images, labels in candidates:
        try:
            image, label = pick(images, labels)
        except InputError as error:
            left_out.append(LeftOut(case, str(error)))
            continue
        cases.append(VolumePair(given_of(case, known, source), image, (label,), (bones,)))
    found = {case.given.case for case in cases} | {item.case for item in left_out}
    return Found(tuple(cases), (*left_out, *not_there(known, found)))
