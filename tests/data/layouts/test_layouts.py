"""The contract of every layout: the same two legs come out, whichever way they were laid out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.refusals import refused

from afunet.data.layouts import LAYOUTS, layout_of
from afunet.data.layouts.pair import Choice, Content
from afunet.errors import ConfigError, InputError
from afunet.watch import CancelToken

Write = Callable[..., Path]


def contents(source: Path, name: str, choice: Choice | None = None) -> list[Content]:
    choice = choice or Choice()
    found = LAYOUTS[name].pairs(source, choice)
    assert found.left_out == ()
    return [pair.read(choice, CancelToken()) for pair in found.pairs]


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_recognises_its_own_and_gives_pixels_masks_and_spacing(
    name: str, tmp_path: Path, leg: Callable[..., Any], write_layout: Write
) -> None:
    legs = [leg(1), leg(2, 20)]
    source = write_layout(name, tmp_path / "knees", legs)
    assert layout_of(source) == name
    for content, expected in zip(contents(source, name), legs, strict=True):
        assert content.left_out == ()
        assert [item.record.level for item in content.slices] == [0, 1, 2]
        assert np.array_equal([item.grey[0] for item in content.slices], expected.grey)
        assert np.array_equal([item.mask for item in content.slices], expected.mask.voxels)
        for item in content.slices:
            assert item.record.spacing_mm == pytest.approx((0.7, 0.7), abs=1e-6)


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_names_its_cases_apart(
    name: str, tmp_path: Path, leg: Callable[..., Any], write_layout: Write
) -> None:
    source = write_layout(name, tmp_path / "knees", [leg(1), leg(2)])
    given = [pair.given for pair in LAYOUTS[name].pairs(source, Choice()).pairs]
    assert len({one.case for one in given}) == 2
    # The case's own name says more than its folder's.
    assert {one.region for one in given} == {"legs" if "leg" in given[0].case else "knee"}


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_refuses_a_label_that_belongs_to_another_scan(
    name: str, tmp_path: Path, leg: Callable[..., Any], write_layout: Write
) -> None:
    # The mask's disc lies ten pixels beside the bone.
    scan, other = leg(1, 12), leg(2, 22)
    source = write_layout(name, tmp_path / "legs", [type(scan)(scan.volume, other.mask)])
    with refused(InputError, "LABEL_MISFIT"):
        contents(source, name)


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_refuses_an_empty_label(
    name: str, tmp_path: Path, leg: Callable[..., Any], write_layout: Write
) -> None:
    scan = leg(1)
    empty = scan.mask.with_voxels(np.zeros_like(scan.mask.voxels))
    source = write_layout(name, tmp_path / "legs", [type(scan)(scan.volume, empty)])
    with refused(InputError, "EMPTY_MASK"):
        contents(source, name)


def test_an_empty_folder_has_no_layout_and_an_unknown_name_is_refused(tmp_path: Path) -> None:
    with refused(InputError, "NO_LAYOUT", "simulated, corrected"):
        layout_of(tmp_path)
    with refused(ConfigError, "CONFIG_ERROR", "'zip'", "auto, simulated"):
        layout_of(tmp_path, "zip")
    assert layout_of(tmp_path, "paper") == "paper"
