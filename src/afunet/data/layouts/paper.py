"""The paper's layout: DICOM slices and 0/1 PNG masks of the same names.

Image and mask are in one folder, or in two folders with telling names (images/, masks/), for the
whole set or for each case.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from afunet.data.layouts.files import (
    IMAGE_WORDS,
    LABEL_WORDS,
    given_cases,
    given_of,
    holds_dicom,
    natural,
    not_there,
    stem_of,
)
from afunet.data.layouts.pair import Choice, Found, LeftOut
from afunet.data.layouts.png_pair import DicomPngPair, DicomSlice
from afunet.data.patients import identity_of
from afunet.formats.dicom.files import looks_like_dicom, read_header
from afunet.formats.file_search import files_below
from afunet.watch import CancelToken

Key = tuple[str, ...]


def detect(source: Path) -> bool:
    """Whether the folder contains DICOM slices and PNG files at any depth."""
    files = files_below([source], CancelToken())
    if not any(path.suffix.lower() == ".png" for path in files):
        return False
    return any(holds_dicom(folder) for folder in dict.fromkeys(path.parent for path in files))


def pairs(source: Path, choice: Choice) -> Found:
    """One case per folder; a folder with several patients or series gives one case for each."""
    files = [path for path in files_below([source], CancelToken()) if not path.name.startswith(".")]
    masks = {_key(path, source): path for path in files if path.suffix.lower() == ".png"}
    images = {
        _key(path, source): path
        for path in files
        if path.suffix.lower() not in (".png", ".csv") and looks_like_dicom(path)
    }
    known = given_cases(source)
    cases: list[DicomPngPair] = []
    for case, slices in _cases(source, images, masks).items():
        cases.append(DicomPngPair(given_of(case, known, source), tuple(slices)))
    left_out = _lonely(source, images, masks)
    found = {pair.given.case for pair in cases} | {item.case for item in left_out}
    return Found(tuple(cases), (*left_out, *not_there(known, found)))


def _cases(
    source: Path, images: dict[Key, Path], masks: dict[Key, Path]
) -> dict[str, list[DicomSlice]]:
    groups: dict[str, dict[tuple[str, str], list[DicomSlice]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for key in sorted(set(images) & set(masks), key=lambda key: [natural(part) for part in key]):
        path = images[key]
        header = read_header(path)
        series = "" if header is None else header.series_uid
        groups[_case(key, source)][identity_of(path), series].append(DicomSlice(path, masks[key]))
    cases: dict[str, list[DicomSlice]] = {}
    for case, by_series in groups.items():
        for number, slices in enumerate(by_series.values(), 1):
            cases[case if len(by_series) == 1 else f"{case}-{number}"] = slices
    return cases


def _lonely(source: Path, images: dict[Key, Path], masks: dict[Key, Path]) -> tuple[LeftOut, ...]:
    left_out = []
    for these, others, what in (
        (images, masks, "DICOM slices without a mask"),
        (masks, images, "masks without a DICOM slice"),
    ):
        counts: dict[str, int] = defaultdict(int)
        for key in these:
            counts[_case(key, source)] += key not in others
        left_out += [
            LeftOut(case, f"{count} {what} of the same name")
            for case, count in counts.items()
            if count
        ]
    return tuple(left_out)


def _key(path: Path, source: Path) -> Key:
    """The folders above the file, without those named for image or mask, and the file's name."""
    folders = path.relative_to(source).parts[:-1]
    role = LABEL_WORDS | IMAGE_WORDS
    return (*(part for part in folders if part.lower() not in role), stem_of(path))


def _case(key: Key, source: Path) -> str:
    return "-".join(key[:-1]) or source.resolve().name
