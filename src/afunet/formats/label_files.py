"""Find the label files of a folder, each with its case."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from afunet.errors import InputError
from afunet.formats.file_kinds import VOLUME_SUFFIXES


def label_files(folder: Path, in_case_folders: Sequence[str]) -> dict[str, Path]:
    """Return label files by case, in the order of their names; empty if there are none.

    They lie in the folder as `<case>.nii.gz` (or .nrrd, .mha …). If there are none, they are
    searched as `<case>/<name>.nii.gz`, as `afunet segment` writes them for several scans, with the
    first name of `in_case_folders` that exists. Two files of one case raise `InputError`.
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
    """Whether a file holds labels by its name; hidden files, such as macOS metadata, do not."""
    name = path.name.lower()
    return path.is_file() and name.endswith(VOLUME_SUFFIXES) and not name.startswith(".")


def _by_stem(folder: Path) -> dict[str, Path]:
    return {stem(path): path for path in sorted(folder.iterdir()) if _holds_labels(path)}


def _require_one_each(folder: Path) -> None:
    names = [path.name for path in sorted(folder.iterdir()) if _holds_labels(path)]
    for one, other in pairwise(names):
        if stem(Path(one)) == stem(Path(other)):
            raise InputError(
                f"{one} and {other} belong to one case: keep one of them", code="SEVERAL_FILES"
            )
