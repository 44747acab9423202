"""DICOM slices and PNG masks of the same names, in one heap or many."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom
import pytest

from afunet.data.layouts import paper
from afunet.data.layouts.pair import Choice


@pytest.fixture
def source(tmp_path: Path, leg: Callable[..., Any], write_layout: Callable[..., Path]) -> Path:
    return write_layout("paper", tmp_path / "set", [leg(1), leg(2)])


def cases(source: Path) -> dict[str, int]:
    return {pair.given.case: len(pair.paths) // 2 for pair in paper.pairs(source, Choice()).pairs}


def test_image_and_mask_may_lie_side_by_side(source: Path) -> None:
    for kind in ("images", "masks"):
        for path in list((source / "leg1" / kind).iterdir()):
            path.rename(source / "leg1" / path.name)
        (source / "leg1" / kind).rmdir()
    assert cases(source) == {"leg1": 3, "leg2": 3}


def test_one_heap_of_two_patients_is_two_cases(source: Path) -> None:
    for kind in ("images", "masks"):
        (source / kind).mkdir()
        for number in (1, 2):
            for path in list((source / f"leg{number}" / kind).iterdir()):
                path.rename(source / kind / f"{number}{path.name}")
    assert cases(source) == {"set-1": 3, "set-2": 3}


def test_two_series_of_one_patient_in_a_folder_are_two_cases(source: Path) -> None:
    path = source / "leg1" / "images" / "slice0002.dcm"
    dataset = pydicom.dcmread(path)
    dataset.SeriesInstanceUID = "1.2.3"
    dataset.save_as(path)
    assert cases(source) == {"leg1-1": 2, "leg1-2": 1, "leg2": 3}


def test_names_without_an_ending_match_masks_of_the_same_name(source: Path) -> None:
    images = source / "leg1" / "images"
    for path in list(images.iterdir()):
        path.rename(images / path.stem)
    assert cases(source) == {"leg1": 3, "leg2": 3}


def test_slices_without_a_mask_and_the_reverse_are_counted(source: Path) -> None:
    (source / "leg1" / "masks" / "slice0001.png").unlink()
    (source / "leg2" / "images" / "slice0003.dcm").unlink()
    left_out = paper.pairs(source, Choice()).left_out
    assert [(item.case, item.reason[:2]) for item in left_out] == [("leg1", "1 "), ("leg2", "1 ")]
    assert len({item.reason for item in left_out}) == 2
