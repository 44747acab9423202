"""Volume files in pairs: two folders, one folder with names that tell, or a folder a case."""

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
    """Whether there is a volume file in the folder or in one of its folders."""
    return any(volumes_in(folder) for folder in (source, *folders_in(source)))


def pairs(source: Path, choice: Choice) -> Found:
    """A case a pair of files of the same name but for words such as ct and label."""
    return matched_pairs(_matched(source), pair_of, source, choice)


def pair_of(images: list[Path], labels: list[Path]) -> tuple[Path, Path]:
    """One image and its label; `InputError` where there is none or more than one."""
    if not labels:
        raise InputError("no label of its name (expected for example NAME_label.nii.gz)")
    if not images:
        raise InputError("no image of its name")
    if len(images) > 1:
        names = ", ".join(path.name for path in images)
        raise InputError(f"{len(images)} files could be its image ({names}): keep one")
    return images[0], one_label(labels)


def _matched(source: Path) -> Iterator[Candidates]:
    """Every case's name with the files that could be its image and its label."""
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
