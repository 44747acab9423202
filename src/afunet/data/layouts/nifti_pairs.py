"""The layout of volume files in pairs: in two folders, in one folder, or in a folder per case."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from afunet.data.layouts.files import (
    IMAGE_WORDS,
    LABEL_WORDS,
    by_key,
    folders_in,
    is_label,
    one_label,
    volumes_in,
)
from afunet.data.layouts.matched import Candidates, matched_pairs
from afunet.data.layouts.pair import Choice, Found
from afunet.errors import InputError

CLASSIC_FOLDERS = {"imagestr": "image", "labelstr": "label"}


def detect(source: Path) -> bool:
    """Whether the folder or one of its folders contains a volume file."""
    return any(volumes_in(folder) for folder in (source, *folders_in(source)))


def pairs(source: Path, choice: Choice) -> Found:
    """One case per pair of files whose names are equal without words such as ct and label."""
    return matched_pairs(_matched(source), pair_of, source, choice)


def pair_of(images: list[Path], labels: list[Path]) -> tuple[Path, Path]:
    """One image and its label; `InputError` if there is none or more than one."""
    if not labels:
        raise InputError("there is no label of this name, for example NAME_label.nii.gz")
    if not images:
        raise InputError("there is no image of this name")
    if len(images) > 1:
        names = ", ".join(path.name for path in images)
        raise InputError(f"{len(images)} files could be the image ({names}): keep one")
    return images[0], one_label(labels)


def _matched(source: Path) -> Iterator[Candidates]:
    """Each case's name with the files that could be its image or its label."""
    roles = {_role(folder): folder for folder in folders_in(source)}
    if "image" in roles and "label" in roles:
        yield from _by_name(volumes_in(roles["image"]), volumes_in(roles["label"]), source)
    else:
        for folder in (source, *folders_in(source)):
            files = volumes_in(folder)
            labels = [path for path in files if is_label(path)]
            images = [path for path in files if path not in labels]
            if len(images) == 1 and labels and by_key(images).keys() != by_key(labels).keys():
                yield folder.resolve().name, images, labels
            elif files:
                yield from _by_name(images, labels, folder)


def _by_name(images: list[Path], labels: list[Path], folder: Path) -> Iterator[Candidates]:
    keyed_images, keyed_labels = by_key(images), by_key(labels)
    for key in dict.fromkeys([*keyed_images, *keyed_labels]):
        name = key or folder.resolve().name
        yield name, keyed_images.get(key, []), keyed_labels.get(key, [])


def _role(folder: Path) -> str:
    name = folder.name.lower()
    if name in LABEL_WORDS:
        return "label"
    return "image" if name in IMAGE_WORDS else CLASSIC_FOLDERS.get(name, "")
