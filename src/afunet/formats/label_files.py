"""The label files of a folder, each with the case that it belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from afunet.errors import InputError
from afunet.formats.file_kinds import VOLUME_SUFFIXES


def label_files(folder: Path, in_case_folders: Sequence[str]) -> dict[str, Path]:
    """Label files by case, in the order of their names; empty where there is none.

    They lie in the folder as `<case>.nii.gz` (or .nrrd, .mha …). Where none does they are looked
    for as `<case>/<name>.nii.gz`, with the first of the names `in_case_folders` that is there:
    what `afunet segment` writes for several scans. Two files of one case raise `InputError`.
    """
    if here := _by_stem(folder):
        _require_one_each(folder)
        return here
    below = {}
    for case in sorted(path for path in folder.iterdir() if path.is_dir()):
        files = _by_stem(case)
        chosen = next((files[name] for name in in_case_folders if name in files), None)
        if chosen is not None:
            below[case.name] = chosen
    return below


def stem(path: Path) -> str:
    """The file's name without its format's suffix: `bones` for `bones.nii.gz`."""
    endings = [suffix for suffix in VOLUME_SUFFIXES if path.name.lower().endswith(suffix)]
    return path.name[: -max(map(len, endings))] if endings else path.name


def _holds_labels(path: Path) -> bool:
    """Files with a dot in front are hidden, as macOS's notes on files are."""
    name = path.name.lower()
    return path.is_file() and name.endswith(VOLUME_SUFFIXES) and not name.startswith(".")


def _by_stem(folder: Path) -> dict[str, Path]:
    return {stem(path): path for path in sorted(folder.iterdir()) if _holds_labels(path)}


def _require_one_each(folder: Path) -> None:
    names = [path.name for path in sorted(folder.iterdir()) if _holds_labels(path)]
    for one, other in pairwise(names):
        if stem(Path(one)) == stem(Path(other)):
            raise InputError(f"{one} and {other} are of one case: keep one", code="SEVERAL_FILES")
