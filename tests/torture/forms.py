"""The small steps that cases are made of: lists of slices, and what is done to their files."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.fileset import FileSet

from . import archives
from .case import Write
from .files import Change, HUArray, SliceFile, numbered, write_all
from .planes import stack

Edit = Callable[[Path], None]


def plain(**options: Any) -> list[SliceFile]:
    """The plain axial slices, numbered from the feet to the head."""
    return numbered(stack(), **options)


def having(files: Iterable[SliceFile], **elements: Any) -> list[SliceFile]:
    """All slices with other elements; None removes one."""
    return [file.having(**elements) for file in files]


def changed(files: Iterable[SliceFile], change: Change, indices: Iterable[int]) -> list[SliceFile]:
    """The slices of these indices changed, the others as they are."""
    chosen = set(indices)
    return [change(file) if index in chosen else file for index, file in enumerate(files)]


def without(files: Iterable[SliceFile], *indices: int) -> list[SliceFile]:
    """All slices but those of these indices, the numbers left as they are."""
    return [file for index, file in enumerate(files) if index not in indices]


def as_series(files: Iterable[SliceFile], uid: str, **elements: Any) -> list[SliceFile]:
    """The slices as another series, or another part of one: every image with a UID of its own."""
    suffix = elements.pop("suffix", 0)
    return [
        file.having(
            SeriesInstanceUID=uid, SOPInstanceUID=f"{uid}.{suffix}.{file.number}", **elements
        )
        for file in files
    ]


def with_contrast(file: SliceFile) -> SliceFile:
    """The same slice in a later phase: soft tissue 30 HU brighter, bone as it is."""

    def brighter(hu: HUArray) -> HUArray:
        return np.where((hu > 0) & (hu < 100), hu + 30, hu)

    return replace(file, change_hu=brighter)


def writing(files: Iterable[SliceFile]) -> Write:
    """Write the slices into the case's folder."""
    slices = list(files)

    def write(folder: Path) -> None:
        write_all(folder, slices)

    return write


def together(*writes: Write) -> Write:
    """Do all of it in the same folder."""

    def write(folder: Path) -> None:
        for one in writes:
            one(folder)

    return write


def below(name: str, inner: Write) -> Write:
    """Do it in a folder below."""
    return lambda folder: inner(folder / name)


def edited(inner: Write, edit: Edit, *names: str) -> Write:
    """Change files by name after they were written; all of them where no name is given."""

    def write(folder: Path) -> None:
        inner(folder)
        for path in [folder / name for name in names] or sorted(folder.iterdir()):
            edit(path)

    return write


def redone(change: Callable[[Dataset], None]) -> Edit:
    """Change a file's data set and write it again as it was."""

    def edit(path: Path) -> None:
        dataset = dcmread(path)
        change(dataset)
        dataset.save_as(path)

    return edit


def cut_at(part: float) -> Edit:
    """Keep the first part of a file."""

    def edit(path: Path) -> None:
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * part)])

    return edit


def zipped(inner: Write, *edits: Edit) -> Write:
    """Pack what is written into an archive, then change that."""

    def write(folder: Path) -> None:
        inner(folder)
        archive = archives.zip_folder(folder)
        for edit in edits:
            edit(archive)

    return write


def on_medium(inner: Write) -> Write:
    """Copy what is written as a medium does: under short names, with a DICOMDIR."""

    def write(folder: Path) -> None:
        with TemporaryDirectory() as source:
            inner(Path(source))
            medium = FileSet()
            for path in sorted(Path(source).iterdir()):
                medium.add(path)
            medium.write(folder)
        with warnings.catch_warnings():  # a FileSet leaves its own temporary folder to the end
            warnings.simplefilter("ignore", ResourceWarning)
            del medium
            gc.collect()

    return write
