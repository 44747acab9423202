"""The layout of simulated legs from `afunet phantom`: each scan with its exact labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from afunet.data.layouts.bone_labels import chosen_values
from afunet.data.layouts.files import folders_in, given_cases, given_of, not_there
from afunet.data.layouts.pair import Choice, Found, Given
from afunet.data.layouts.volume_pair import VolumePair
from afunet.errors import InputError
from afunet.formats.label_names import read_label_names
from afunet.formats.text_files import read_json

BONES, LABELS = "bones", "labels.json"
TRUTH, SCANS = "truth.nii.gz", ("dicom", "ct.nii.gz")


def detect(source: Path) -> bool:
    """Whether the folder or one of its folders holds a simulated leg."""
    return bool(_legs(source))


def pairs(source: Path, choice: Choice) -> Found:
    """One case per leg; its labels are exact, and the names of bones can be used in classes."""
    known = given_cases(source)
    legs = _legs(source)
    cases = tuple(_pair(leg, given_of(leg.resolve().name, known, source), choice) for leg in legs)
    return Found(cases, not_there(known, {case.given.case for case in cases}))


def _pair(leg: Path, given: Given, choice: Choice) -> VolumePair:
    exact = replace(given, status="exact") if given.status == "given" else given
    made = replace(exact, simulator=_simulator(leg))
    scan = _scan(leg) or leg
    if not choice.classes:
        return VolumePair(made, scan, (leg / TRUTH,))
    named: dict[str, frozenset[int]] = {}
    for value, name in read_label_names(leg / LABELS, BONES).items():
        named[name] = named.get(name, frozenset()) | {value}
    return VolumePair(made, scan, (leg / f"{BONES}.nii.gz",), (chosen_values(choice, named),))


def _simulator(leg: Path) -> str:
    """The simulator version in `labels.json`, "" if there is none."""
    try:
        told = read_json(leg / LABELS)["simulator"]["version"]
    except (InputError, LookupError, TypeError):
        return ""
    return str(told) if isinstance(told, int) else ""


def _legs(source: Path) -> list[Path]:
    return [leg for leg in (source, *folders_in(source)) if (leg / TRUTH).is_file() and _scan(leg)]


def _scan(leg: Path) -> Path | None:
    return next((leg / name for name in SCANS if (leg / name).exists()), None)
