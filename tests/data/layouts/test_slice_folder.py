"""PNG slices without a table, and what a table says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.refusals import holds

from afunet.data.layouts import slice_folder
from afunet.data.layouts.pair import Choice
from afunet.data.layouts.png_pair import PngPair


@pytest.fixture
def source(tmp_path: Path, leg: Callable[..., Any], write_layout: Callable[..., Path]) -> Path:
    return write_layout("slices", tmp_path / "thigh", [leg(1), leg(2)])


def records(source: Path) -> list[Any]:
    found = slice_folder.pairs(source, Choice()).pairs
    assert all(isinstance(pair, PngPair) for pair in found)
    return [record for pair in found for record in pair.records]  # type: ignore[attr-defined]


def test_the_tables_facts_are_kept_and_the_region_is_that_of_the_folders_name(
    source: Path,
) -> None:
    first = records(source)[0]
    assert (first.case, first.patient, first.split, first.status) == (
        "leg1",
        "p1",
        "train",
        "checked",
    )
    assert first.region == "legs"
    assert first.spacing_mm == (0.7, 0.7)


def test_without_a_table_each_folder_is_a_case_and_nobodys_split_is_known(source: Path) -> None:
    (source / "slices.csv").unlink()
    assert {(record.case, record.patient, record.split) for record in records(source)} == {
        ("leg1", "", ""),
        ("leg2", "", ""),
    }
    assert [record.level for record in records(source)] == [0, 1, 2, 0, 1, 2]


def test_names_that_are_no_numbers_count_in_order(source: Path) -> None:
    (source / "slices.csv").unlink()
    for kind in ("images", "masks"):
        for level, path in enumerate(sorted((source / "leg1" / kind).iterdir())):
            path.rename(path.with_name(f"IM{level + 8}.png"))  # IM8, IM9, IM10
    found = [record for record in records(source) if record.case == "leg1"]
    assert [(record.level, record.image.name) for record in found] == [
        (0, "IM8.png"),
        (1, "IM9.png"),
        (2, "IM10.png"),
    ]


def test_images_without_masks_and_the_reverse_are_counted(source: Path) -> None:
    (source / "slices.csv").unlink()
    (source / "leg1" / "masks" / "00.png").unlink()
    (source / "leg1" / "images" / "01.png").unlink()
    reasons = [item.reason for item in slice_folder.pairs(source, Choice()).left_out]
    assert len(set(reasons)) == 2
    assert all(holds(reason, 1, 2) for reason in reasons)
