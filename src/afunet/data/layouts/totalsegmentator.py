"""TotalSegmentator's layout: a folder per case with ct.nii.gz and a mask file per structure."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from afunet.anatomy.bones import Bone
from afunet.data.cases import SPLITS
from afunet.data.layouts.bone_labels import BoneValues
from afunet.data.layouts.files import (
    folders_in,
    given_cases,
    given_of,
    not_there,
    stem_of,
    volumes_in,
)
from afunet.data.layouts.pair import Choice, Found, Given, LabelClass, LeftOut
from afunet.data.layouts.volume_pair import VolumePair

IMAGE, MASKS, META = "ct.nii.gz", "segmentations", "meta.csv"
DEFAULT = "default"
OF_ONE = BoneValues(
    binary=True, advice="each file holds one structure: write its voxels as 1 and all others as 0"
)
LOWER_LIMB = tuple(name for bone in Bone for name in bone.row.totalsegmentator)
"""Patterns of the bones of the lower limb; each matches with or without a side."""


def detect(source: Path) -> bool:
    """Whether the folder or one of its folders is such a case."""
    return any(_is_case(folder) for folder in (source, *folders_in(source)))


def pairs(source: Path, choice: Choice) -> Found:
    """One case per folder; bone is the union of the chosen structures.

    `choice.bones`, or the labels of its classes, are names or patterns and replace `LOWER_LIMB`;
    "default" stands for that list, "all" for every structure. The splits come from meta.csv.
    """
    known = _of_meta(source) | given_cases(source)
    classes = _patterns(choice)
    patterns = list(classes)
    cases: list[VolumePair] = []
    left_out: list[LeftOut] = []
    for folder in (source, *folders_in(source)):
        if not _is_case(folder):
            if (folder / IMAGE).is_file() or (folder / MASKS).is_dir():
                left_out.append(LeftOut(folder.name, f"expected {IMAGE} and {MASKS}/ in the case"))
            continue
        case = folder.resolve().name
        masks = {
            path: classes[pattern]
            for path in volumes_in(folder / MASKS)
            for pattern in reversed(patterns)
            if fnmatchcase(stem_of(path), pattern)
        }
        if masks:
            given = given_of(case, known, source)
            rules = tuple(replace(OF_ONE, values={1: number}) for number in masks.values())
            cases.append(VolumePair(given, folder / IMAGE, tuple(masks), rules))
        else:
            left_out.append(LeftOut(case, f"{MASKS}/ has none of {', '.join(patterns)}"))
    tabled = given_cases(source)  # meta.csv lists more cases than a user may have copied
    found = {case.given.case for case in cases} | {item.case for item in left_out}
    return Found(tuple(cases), (*left_out, *not_there(tabled, found)))


def _patterns(choice: Choice) -> dict[str, int]:
    """Patterns and the number of their class; the first pattern that matches counts."""
    chosen: dict[str, int] = {}
    for number, one in enumerate(choice.classes or [LabelClass("bone", choice.bones)], start=1):
        for name in one.labels or (DEFAULT,):
            meant = LOWER_LIMB if name == DEFAULT else ("*",) if name == "all" else (name,)
            for pattern in meant:
                chosen.setdefault(pattern, number)
    return chosen


def _of_meta(source: Path) -> dict[str, Given]:
    """The splits of the published meta.csv, whose columns are separated by semicolons."""
    table = source / META
    if not table.is_file():
        return {}
    lines = table.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    head, *rows = [line.split(";") for line in lines if line] or [[]]
    if "image_id" not in head or "split" not in head:
        return {}
    name, split = head.index("image_id"), head.index("split")
    return {
        row[name]: replace(Given(row[name]), split=row[split])
        for row in rows
        if len(row) > max(name, split) and row[split] in SPLITS
    }


def _is_case(folder: Path) -> bool:
    return (folder / IMAGE).is_file() and (folder / MASKS).is_dir()
