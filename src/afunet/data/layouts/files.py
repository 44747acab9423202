"""Finding volumes and DICOM in folders, and telling labels from images by their names."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from afunet.data.cases import SPLITS, read_table, side_of
from afunet.data.layouts.pair import Given, LeftOut
from afunet.errors import InputError
from afunet.formats.dicom.files import looks_like_dicom
from afunet.formats.file_search import unreadable
from afunet.formats.region import guess_region

CASES_TABLE = "cases.csv"
VOLUME_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd")
LABEL_WORDS = frozenset(
    {"label", "labels", "mask", "masks", "seg", "segmentation", "segmentations"}
    | {"gt", "truth", "groundtruth", "annotation", "annotations"}
)
IMAGE_WORDS = frozenset(
    {"ct", "image", "images", "img", "imgs", "scan", "scans", "volume", "volumes"}
    | {"dicom", "dcm", "0000"}
)
BONE_WORDS = frozenset({"bone", "bones"})
FILES_LOOKED_AT = 20


@dataclass(frozen=True)
class Files:
    """The images and labels of a folder; the key is the name without "image" or "label"."""

    images: dict[str, list[Path]]
    labels: dict[str, list[Path]]


def entries_of(folder: Path) -> list[Path]:
    """Files and folders in a folder without hidden ones, in natural order (2 before 10)."""
    try:
        found = [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError as reason:
        raise unreadable(folder, reason) from None
    return sorted(found, key=lambda path: natural(path.name))


def folders_in(folder: Path) -> list[Path]:
    """The folders in a folder, in natural order."""
    return [path for path in entries_of(folder) if path.is_dir()]


def volumes_in(folder: Path) -> list[Path]:
    """The volume files in a folder, in natural order."""
    return [path for path in entries_of(folder) if is_volume(path)]


def is_volume(path: Path) -> bool:
    """Whether a path has the name of a volume file."""
    return path.is_file() and path.name.lower().endswith(VOLUME_SUFFIXES)


def stem_of(path: Path) -> str:
    """A file's name without its suffix (of a volume, PNG or DICOM file)."""
    for suffix in (*VOLUME_SUFFIXES, ".png", ".dcm", ".ima"):
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)]
    return path.name


def holds_dicom(folder: Path) -> bool:
    """Whether one of the first files directly in a folder is DICOM."""
    files = (path for path in entries_of(folder) if path.is_file() and not is_volume(path))
    return any(looks_like_dicom(path) for path in islice(files, FILES_LOOKED_AT))


def dicom_in(folder: Path) -> Path | None:
    """The folder itself, or the first of its folders, that holds DICOM; None if none does."""
    return next((path for path in (folder, *folders_in(folder)) if holds_dicom(path)), None)


def is_label(path: Path) -> bool:
    """Whether a name is that of a label: it has label, mask, seg…, or bone without CT."""
    words = set(_words(stem_of(path)))
    return bool(words & LABEL_WORDS or (words & BONE_WORDS and not words & IMAGE_WORDS))


def by_key(paths: list[Path]) -> dict[str, list[Path]]:
    """Paths by their names without words such as image and label."""
    keyed: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        role = LABEL_WORDS | IMAGE_WORDS | BONE_WORDS
        keyed["_".join(word for word in _words(stem_of(path)) if word not in role)].append(path)
    return dict(keyed)


def one_label(labels: list[Path]) -> Path:
    """The only label, or the only one with a bone in its name; else `InputError`."""
    if len(labels) == 1:
        return labels[0]
    bone = [path for path in labels if set(_words(stem_of(path))) & BONE_WORDS]
    if len(bone) == 1:
        return bone[0]
    names = ", ".join(path.name for path in labels)
    raise InputError(f"{len(labels)} files could be the label ({names}): keep one")


def given_cases(folder: Path) -> dict[str, Given]:
    """The rows of `cases.csv` beside the cases: column case, and any other field of `Given`."""
    table = folder / CASES_TABLE
    if not table.is_file():
        return {}
    cases = {}
    for row in read_table(table):
        split = (row.get("split") or "").strip()
        if not row.get("case") or (split and split not in SPLITS):
            raise InputError(
                f"{table}: each row needs a case and a split that is empty or one of {SPLITS}, got "
                f"split {split!r}",
                code="BAD_SLICE_TABLE",
            )
        cases[row["case"]] = Given(
            row["case"],
            row.get("patient") or "",
            side_of(row.get("side")),
            row.get("region") or "",
            split,
            row.get("status") or "given",
        )
    return cases


def given_of(case: str, known: dict[str, Given], source: Path) -> Given:
    """What is known about a case; a missing region is guessed from the case or folder name."""
    given = known.get(case, Given(case))
    region = guess_region(_spaced(case), (_spaced(source.resolve().name),), "").name
    return replace(given, region=given.region or ("" if region == "unknown" else region))


def not_there(known: dict[str, Given], found: set[str]) -> tuple[LeftOut, ...]:
    """The cases in the table that the folder does not contain."""
    return tuple(
        LeftOut(case, f"{CASES_TABLE} names this case, but the folder does not contain it")
        for case in known
        if case not in found
    )


def natural(name: str) -> tuple[tuple[int, str], ...]:
    """A sort key that puts 2 before 10."""
    parts = re.split(r"(\d+)", name.lower())
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts)


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[\W_]+", name.lower()) if word]


def _spaced(name: str) -> str:
    return re.sub(r"[\W_]+", " ", name)
