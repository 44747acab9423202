"""The layout of nnU-Net's raw data, version 1 or 2: imagesTr, labelsTr and dataset.json."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from afunet.data.layouts.bone_labels import BoneValues, class_values
from afunet.data.layouts.files import entries_of, given_cases, given_of, not_there
from afunet.data.layouts.pair import Choice, Found, Given, LeftOut
from afunet.data.layouts.volume_pair import VolumePair
from afunet.errors import ConfigError, InputError
from afunet.formats.text_files import read_json

DESCRIPTION, IMAGES, LABELS, FOLDS = "dataset.json", "imagesTr", "labelsTr", "splits_final.json"
CHANNEL = "_0000"
IGNORE, LISTED = "ignore", "dataset"
Files = dict[str, Path]


def detect(source: Path) -> bool:
    """Whether the folder has a dataset.json, and images or a list of images in that file."""
    path = source / DESCRIPTION
    if not path.is_file() or (source / IMAGES).is_dir():
        return path.is_file()
    try:
        return isinstance(_json(path).get(LISTED), dict)
    except InputError:
        return False


def pairs(source: Path, choice: Choice) -> Found:
    """One case per training image; bone is every label but the background, or those of `bones`.

    Only channel 0 is read, and it must be CT. Images may lack the channel number, as in the
    Medical Segmentation Decathlon. If dataset.json lists files (`dataset`: each case's `images`
    and `label`), these are the cases. A case with a value that dataset.json does not declare is
    left out. A chosen fold gives the splits.
    Raises `InputError` for an invalid dataset.json and for images that are not CT.
    """
    described = _json(source / DESCRIPTION)
    ending = _checked_ending(described, source)
    bones = _bones(described, choice, source)
    known = given_cases(source) | _fold(source, choice)
    images, labels, passed = _listed(described, source) or _in_folders(source, ending)
    cases = tuple(
        VolumePair(given_of(case, known, source), images[case], (labels[case],), (bones,))
        for case in images
        if case in labels
    )
    lonely = [LeftOut(case, f"no label in {LABELS}") for case in images if case not in labels]
    lonely += [LeftOut(case, f"no image in {IMAGES}") for case in labels if case not in images]
    return Found(cases, (*lonely, *passed, *not_there(known, set(images) | set(labels))))


def _in_folders(source: Path, ending: str) -> tuple[Files, Files, list[LeftOut]]:
    """Images and labels by case, and a line about files that are neither."""
    images = _stems(source / IMAGES, CHANNEL + ending) or _stems(source / IMAGES, ending)
    passed = _passed_over(source / IMAGES, ending) + _passed_over(source / LABELS, ending)
    return images, _stems(source / LABELS, ending), passed


def _listed(
    described: Mapping[str, Any], source: Path
) -> tuple[Files, Files, list[LeftOut]] | None:
    """As `_in_folders`, from the list in dataset.json (nnU-Net 2); None if it has no list."""
    listed = described.get(LISTED)
    if listed is None:
        return None
    try:
        files = {
            str(case): (_path(source, entry["images"][0]), _path(source, entry["label"]))
            for case, entry in listed.items()
        }
    except (TypeError, KeyError, IndexError, AttributeError):
        raise InputError(
            f"{source / DESCRIPTION}: {LISTED!r} must give each case its images (a list of paths) "
            "and its label (a path)",
            code="BAD_DESCRIPTION",
        ) from None
    there = {case: pair for case, pair in files.items() if all(path.is_file() for path in pair)}
    passed = [
        LeftOut(case, f"its image or label is not at the path in {DESCRIPTION}")
        for case in files
        if case not in there
    ]
    images, labels = ({case: pair[i] for case, pair in there.items()} for i in (0, 1))
    return images, labels, passed


def _path(source: Path, written: Any) -> Path:
    """A path from dataset.json; a relative one starts from the folder of dataset.json."""
    if not isinstance(written, str):
        raise TypeError
    return source / os.path.expandvars(written)


def _checked_ending(described: Mapping[str, Any], source: Path) -> str:
    channels = described.get("channel_names") or described.get("modality") or {}
    first = str(channels.get("0", "")) if isinstance(channels, dict) else ""
    if first.upper() != "CT":
        raise InputError(
            f"{source / DESCRIPTION}: channel 0 is {first or 'not named'!s}, expected CT, since "
            "the bone window needs Hounsfield units",
            code="NOT_CT",
        )
    return str(described.get("file_ending", ".nii.gz"))


def _bones(described: Mapping[str, Any], choice: Choice, source: Path) -> BoneValues:
    """The rule for label values; a case with the value named "ignore" is refused."""
    values = _values_by_name(described, source)
    declared = frozenset().union(*values.values())
    unknown = next(iter(values.pop(IGNORE, ())), None)
    values.pop("background", None)
    if choice.classes or choice.bones not in ((), ("all",)):
        taken = class_values(choice, values)
    else:
        taken = {value: 1 for group in values.values() for value in group if value}
    return BoneValues(taken, unknown=unknown, declared=declared | set(taken), table=DESCRIPTION)


def _values_by_name(described: Mapping[str, Any], source: Path) -> dict[str, frozenset[int]]:
    """Label values by name; version 2 maps names to numbers, version 1 numbers to names."""
    labels = described.get("labels")
    try:
        if not isinstance(labels, dict) or not labels:
            raise ValueError
        if all(str(key).isdecimal() for key in labels):
            return {str(name): frozenset({int(number)}) for number, name in labels.items()}
        return {
            str(name): frozenset(map(int, number if isinstance(number, list) else [number]))
            for name, number in labels.items()
        }
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{source / DESCRIPTION}: expected labels with a name and a number",
            code="BAD_DESCRIPTION",
        ) from error


def _fold(source: Path, choice: Choice) -> dict[str, Given]:
    if choice.fold is None:
        return {}
    folds = _json(source / FOLDS, list)
    if not 0 <= choice.fold < len(folds):
        raise ConfigError(f"{source / FOLDS} has {len(folds)} folds, but no fold {choice.fold}")
    fold = folds[choice.fold]
    if not isinstance(fold, dict) or not {"train", "val"} <= set(fold):
        raise InputError(f"{source / FOLDS}: each fold needs the keys train and val")
    return {
        str(case): replace(Given(str(case)), split=split)
        for split in ("train", "val")
        for case in fold[split]
    }


def _passed_over(folder: Path, ending: str) -> list[LeftOut]:
    """A line if files have another ending: dataset.json may name the wrong one."""
    files = [path for path in entries_of(folder) if path.is_file()] if folder.is_dir() else []
    others = [path for path in files if not path.name.endswith(ending)]
    if not others:
        return []
    reason = f"{len(others)} of {len(files)} files in it do not end in {ending} ({DESCRIPTION})"
    return [LeftOut(folder.name, reason)]


def _stems(folder: Path, ending: str) -> dict[str, Path]:
    """Files by case, the name without the ending."""
    files: Iterable[Path] = entries_of(folder) if folder.is_dir() else ()
    return {path.name[: -len(ending)]: path for path in files if path.name.endswith(ending)}


def _json(path: Path, kind: type = dict) -> Any:
    if not path.is_file():
        raise InputError(f"{path} is missing; nnU-Net writes this file")
    content = read_json(path)
    if not isinstance(content, kind):
        raise InputError(
            f"{path} holds a {type(content).__name__}, expected a {kind.__name__}",
            code="BAD_DESCRIPTION",
        )
    return content
