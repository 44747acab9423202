"""Cases corrected by hand: only those, under their bones' names, from the right series."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.refusals import refused

from afunet.data.layouts import corrected, layout_of
from afunet.data.layouts.pair import Choice, LeftOut, parse_classes
from afunet.errors import ConfigError, GeometryError
from afunet.formats.nifti import write_nifti
from afunet.phantom import write_dicom_series
from afunet.watch import CancelToken

Write = Callable[..., Path]


@pytest.fixture
def source(tmp_path: Path, leg: Callable[..., Any], write_layout: Write) -> Path:
    return write_layout("corrected", tmp_path / "cases", [leg(1), leg(2)])


def masks(source: Path, choice: Choice) -> np.ndarray:
    pair = corrected.pairs(source, choice).pairs[0]
    return np.array([item.mask for item in pair.read(choice, CancelToken()).slices])


@pytest.mark.parametrize("edits", [{"edits": [], "undone": [{"step": 1}]}, {}, []])
def test_a_case_that_nobody_corrected_is_left_out(source: Path, edits: Any) -> None:
    (source / "leg2" / "results" / "edits.json").write_text(json.dumps(edits))
    found = corrected.pairs(source, Choice())
    assert [pair.given.case for pair in found.pairs] == ["leg1"]
    assert [item.case for item in found.left_out] == ["leg2"]


def test_a_case_without_a_list_or_a_label_map_is_left_out(source: Path) -> None:
    (source / "leg1" / "results" / "edits.json").unlink()
    (source / "leg2" / "results" / "instances.nii.gz").unlink()
    found = corrected.pairs(source, Choice())
    assert found.pairs == ()
    assert [item.case for item in found.left_out] == ["leg1", "leg2"]
    assert isinstance(found.left_out[1], LeftOut)
    assert "instances" in found.left_out[1].reason
    assert layout_of(source) == "corrected"


def test_a_corrected_case_says_so_unless_a_table_says_more(source: Path) -> None:
    pair = corrected.pairs(source, Choice()).pairs[0]
    content = pair.read(Choice(), CancelToken())
    assert {item.record.status for item in content.slices} == {"corrected"}
    (source / "cases.csv").write_text("case,status\nleg1,checked\n")
    assert corrected.pairs(source, Choice()).pairs[0].given.status == "checked"


def test_bones_are_chosen_by_the_names_of_pieces(source: Path, leg: Callable[..., Any]) -> None:
    voxels = leg(1).mask.voxels.copy()
    voxels[:, 18:] *= 3
    write_nifti(leg(1).mask.with_voxels(voxels), source / "leg1" / "results" / "instances.nii.gz")
    pieces = [
        {"label": 1, "name": "left tibia 1", "bone": "tibia", "side": "left"},
        {"label": 3, "name": "piece 3", "bone": "unknown", "side": ""},
    ]
    (source / "leg1" / "results" / "report.json").write_text(json.dumps({"pieces": pieces}))
    (source / "leg2" / "results" / "edits.json").unlink()
    assert np.array_equal(masks(source, Choice()), voxels > 0)
    for name in ("tibia", "left tibia", "left tibia 1"):
        assert np.array_equal(masks(source, Choice(bones=(name,))), voxels == 1)
    classes = Choice(classes=parse_classes("shin=tibia,rest=unknown"))
    assert np.array_equal(masks(source, classes), np.where(voxels == 3, 2, voxels))
    with refused(ConfigError, "UNKNOWN_NAME", "femur"):
        masks(source, Choice(bones=("femur",)))


def test_the_series_that_was_segmented_is_read(source: Path, leg: Callable[..., Any]) -> None:
    one, folder = leg(1), source / "leg1"
    (folder / "input" / "0.nii.gz").unlink()
    longer = np.concatenate([leg(3).volume.voxels] * 2)
    other = type(one.volume)(longer, one.volume.affine)
    write_dicom_series(other, folder / "input" / "a", seed=3)
    write_dicom_series(one.volume, folder / "input" / "b", seed=1)
    (folder / "case.json").write_text(json.dumps({"series": "1"}))
    with refused(GeometryError, "OTHER_GRID"):
        corrected.pairs(source, Choice()).pairs[0].read(Choice(), CancelToken())
    (folder / "case.json").write_text(json.dumps({"series": "2"}))
    content = corrected.pairs(source, Choice()).pairs[0].read(Choice(), CancelToken())
    assert np.array_equal([item.grey[0] for item in content.slices], one.grey)
