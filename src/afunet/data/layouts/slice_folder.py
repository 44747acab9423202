"""The layout of PNG images with PNG masks, one case or many, with or without a slices.csv."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from afunet.data.cases import PngSlice, labelled_rows, png_slice, require_split
from afunet.data.layouts.files import (
    entries_of,
    folders_in,
    given_cases,
    given_of,
    not_there,
    stem_of,
)
from afunet.data.layouts.pair import Choice, Found, Given, LeftOut
from afunet.data.layouts.png_pair import PngPair

IMAGES, MASKS, TABLE = "images", "masks", "slices.csv"


def detect(source: Path) -> bool:
    """Whether there is a table, or PNGs in images/ and masks/ of the folder or of one inside."""
    return (source / TABLE).is_file() or any(
        _pngs(folder / IMAGES) and _pngs(folder / MASKS) for folder in (source, *folders_in(source))
    )


def pairs(source: Path, choice: Choice) -> Found:
    """The cases of the table, with its splits; without a table, one case per folder."""
    return _tabled(source) if (source / TABLE).is_file() else _untabled(source)


def _tabled(source: Path) -> Found:
    cases: dict[str, list[PngSlice]] = defaultdict(list)
    for row in labelled_rows(source):
        record = png_slice(source, row)
        if record.split:
            require_split(record, source)
        cases[record.case].append(record)
    return Found(tuple(_pair(source, case, records) for case, records in cases.items()))


def _pair(source: Path, case: str, records: list[PngSlice]) -> PngPair:
    guessed = given_of(case, {}, source).region
    kept = tuple(replace(record, region=record.region or guessed) for record in records)
    first = records[0]
    given = Given(case, first.patient, first.side, kept[0].region, first.split, first.status)
    return PngPair(given, first.image.parent.parent, kept)


def _untabled(source: Path) -> Found:
    known = given_cases(source)
    cases: list[PngPair] = []
    left_out: list[LeftOut] = []
    for folder in (source, *folders_in(source)):
        images, masks = _pngs(folder / IMAGES), _pngs(folder / MASKS)
        if not images and not masks:
            continue
        given = given_of(folder.resolve().name, known, source)
        both = [stem for stem in images if stem in masks]
        left_out += _lonely(given.case, images, masks)
        levels = _levels(both)
        records = tuple(_record(given, levels[stem], images[stem], masks[stem]) for stem in both)
        if records:
            cases.append(PngPair(given, folder, records))
    found = {case.given.case for case in cases} | {item.case for item in left_out}
    return Found(tuple(cases), (*left_out, *not_there(known, found)))


def _record(given: Given, level: int, image: Path, mask: Path) -> PngSlice:
    return PngSlice(
        given.case,
        given.patient,
        level,
        given.split,
        given.status,
        given.side,
        given.region,
        image=image,
        mask=mask,
    )


def _lonely(case: str, images: dict[str, Path], masks: dict[str, Path]) -> list[LeftOut]:
    unmasked, imageless = set(images) - set(masks), set(masks) - set(images)
    left_out = []
    if unmasked:
        left_out.append(LeftOut(case, f"{len(unmasked)} of {len(images)} images without a mask"))
    if imageless:
        left_out.append(LeftOut(case, f"{len(imageless)} of {len(masks)} masks without an image"))
    return left_out


def _levels(stems: list[str]) -> dict[str, int]:
    """Levels by name: the names themselves if all are different numbers, else their order."""
    if all(stem.isdecimal() for stem in stems) and len(set(map(int, stems))) == len(stems):
        return {stem: int(stem) for stem in stems}
    return {stem: place for place, stem in enumerate(stems)}


def _pngs(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        return {}
    return {stem_of(path): path for path in entries_of(folder) if path.suffix.lower() == ".png"}
