"""Names for the cases and patients of a store; finds cases of the same patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from afunet.data.patients import grouped, is_harmless, pseudonym


@dataclass(frozen=True)
class KnownCase:
    """What is known about a case: its names in the data set, and the fingerprints of its images.

    `patients` holds the name that the data set gives the patient, or is empty. `identity` is the
    patient's hashed DICOM identity, or "". `keeps_split` says that the case keeps its given split.
    """

    case: str
    patients: frozenset[str]
    image: Path
    identity: str
    prints: frozenset[str]
    keeps_split: bool


@dataclass(frozen=True)
class Names:
    """A name for each case and its patient; `merged` counts patients merged by equal images."""

    cases: tuple[str, ...]
    patients: tuple[str, ...]
    merged: int


def name_all(cases: Sequence[KnownCase]) -> Names:
    """Give names that identify nobody: each case its own, and one to all cases of a patient.

    Cases that share an image belong to one patient, except cases that keep their given splits:
    there a shared image may be a leak, which must be refused and not hidden.
    """
    known = [_keys(case) for case in cases]
    shared = [
        keys if case.keeps_split else keys | case.prints
        for keys, case in zip(known, cases, strict=True)
    ]
    groups = grouped(shared)
    names = _case_names(cases)
    merged = len(set(grouped(known))) - len(set(groups))
    return Names(tuple(names), tuple(_patient_names(cases, groups, names)), merged)


def _keys(case: KnownCase) -> frozenset[str]:
    """Keys of the patient: the name in the data set and the hashed DICOM identity."""
    given = frozenset(f"given {name}" for name in case.patients)
    return given | ({f"dicom {case.identity}"} if case.identity else frozenset())


def _case_names(cases: Sequence[KnownCase]) -> list[str]:
    """The case's own name if it is harmless, with a number if it is taken; else a pseudonym."""
    names: list[str] = []
    for case in cases:
        harmless = is_harmless(case.case, case.image)
        stem = case.case if harmless else pseudonym("case", case.prints)
        numbered = (f"{stem}-{number}" for number in count(2))
        names.append(stem if stem not in names else next(n for n in numbered if n not in names))
    return names


def _patient_names(
    cases: Sequence[KnownCase], groups: Sequence[int], names: Sequence[str]
) -> list[str]:
    """A different name for each group."""
    chosen: dict[int, str] = {}
    for group in dict.fromkeys(groups):
        places = [place for place, own in enumerate(groups) if own == group]
        name = _patient_name([cases[place] for place in places], names[places[0]])
        if name in chosen.values():
            name = pseudonym(name, _prints([cases[place] for place in places]))
        chosen[group] = name
    return [chosen[group] for group in groups]


def _patient_name(cases: Sequence[KnownCase], case_name: str) -> str:
    """The given name if it is harmless; the case's name if it is the only one; else a pseudonym."""
    given = min((name for case in cases for name in case.patients), default="")
    if given and all(is_harmless(given, case.image) for case in cases):
        return given
    return case_name if not given and len(cases) == 1 else pseudonym("patient", _prints(cases))


def _prints(cases: Sequence[KnownCase]) -> frozenset[str]:
    return frozenset().union(*(case.prints for case in cases))
