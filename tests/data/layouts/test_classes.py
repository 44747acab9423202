"""Bones told apart: by number, by name or by file, whichever a layout has."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.refusals import refused

from afunet.data.layouts import LAYOUTS
from afunet.data.layouts.pair import Choice, parse_classes
from afunet.errors import ConfigError, InputError
from afunet.formats.nifti import write_nifti
from afunet.watch import CancelToken

Write = Callable[..., Path]
LABELS = {
    "corrected": "leg1/results/instances.nii.gz",
    "nnunet": "labelsTr/leg_001.nii.gz",
    "nifti-pairs": "leg1_label.nii.gz",
    "dicom-label": "leg1/label.nii.gz",
    "perez-carrasco": "patient1/volume1/bone.nii.gz",
    "simulated": "leg1/bones.nii.gz",
}


def halves(leg: Any) -> np.ndarray:
    """1 in the upper half of the leg's bone, 2 in the lower."""
    voxels = leg.mask.voxels.copy()
    voxels[:, 18:] *= 2
    return np.asarray(voxels)


def laid_out(name: str, folder: Path, leg: Any, write_layout: Write) -> Path:
    source = write_layout(name, folder / "set", [leg])
    if name in LABELS:
        write_nifti(leg.mask.with_voxels(halves(leg)), source / LABELS[name])
    if name == "simulated":
        names = {"bones": {"1": "femur left", "2": "tibia left"}}
        (source / "leg1" / "labels.json").write_text(json.dumps(names))
    return source


def masks(name: str, source: Path, classes: str) -> np.ndarray:
    choice = Choice(classes=parse_classes(classes))
    (pair,) = LAYOUTS[name].pairs(source, choice).pairs
    return np.array([item.mask for item in pair.read(choice, CancelToken()).slices])


@pytest.mark.parametrize("name", LABELS)
def test_numbers_tell_apart_what_a_label_volume_holds(
    name: str, tmp_path: Path, leg: Callable[..., Any], write_layout: Write
) -> None:
    one = leg(1)
    source = laid_out(name, tmp_path, one, write_layout)
    assert np.array_equal(masks(name, source, "femur=1,tibia=2"), halves(one))
    assert np.array_equal(masks(name, source, "tibia=2,femur=1") % 3, (3 - halves(one)) % 3)
    assert np.array_equal(masks(name, source, "shin=2"), halves(one) == 2)
    assert np.array_equal(masks(name, source, "leg=1,leg=2"), one.mask.voxels)


@pytest.mark.parametrize(
    ("name", "classes"),
    [
        ("nnunet", "femur,tibia"),
        ("nnunet", "thigh=fem*,shin=tib*"),
        ("simulated", "thigh=femur*,shin=tibia left"),
        ("totalsegmentator", "femur_left,tibia"),
        ("totalsegmentator", "thigh=femur*,shin=tib*"),
    ],
)
def test_names_tell_apart_where_a_layout_has_them(
    name: str, classes: str, tmp_path: Path, leg: Callable[..., Any], write_layout: Write
) -> None:
    one = leg(1)
    source = laid_out(name, tmp_path, one, write_layout)
    expected = halves(one)
    if name == "totalsegmentator":  # its femur lies below
        expected = np.where(expected, 3 - expected, 0)
    assert np.array_equal(masks(name, source, classes), expected)


def test_a_name_that_nothing_has_and_a_value_of_two_classes_are_refused(
    tmp_path: Path, leg: Callable[..., Any], write_layout: Write
) -> None:
    source = laid_out("nnunet", tmp_path / "a", leg(1), write_layout)
    with refused(ConfigError, "UNKNOWN_NAME", "'ulna'", "femur, tibia"):
        masks("nnunet", source, "ulna")
    with refused(ConfigError, "CONFIG_ERROR", 2):
        masks("nnunet", source, "tibia,shin=2")
    source = laid_out("nifti-pairs", tmp_path / "b", leg(1), write_layout)
    with refused(ConfigError, "LABELS_UNNAMED", "'tibia'"):
        masks("nifti-pairs", source, "tibia")


@pytest.mark.parametrize("name", ["slices", "paper"])
def test_png_masks_know_bone_alone(
    name: str, tmp_path: Path, leg: Callable[..., Any], write_layout: Write
) -> None:
    source = laid_out(name, tmp_path, leg(1), write_layout)
    with refused(InputError, "OPTIONS_CLASH", "--classes"):
        masks(name, source, "tibia=1")


def test_classes_keep_their_share_where_pixels_are_resampled(
    tmp_path: Path, leg: Callable[..., Any], write_layout: Write
) -> None:
    one = leg(1)
    source = laid_out("nifti-pairs", tmp_path, one, write_layout)
    choice = Choice(classes=parse_classes("femur=1,tibia=2"), allowed_mm=(0.2, 0.35))
    (pair,) = LAYOUTS["nifti-pairs"].pairs(source, choice).pairs
    found = np.array([item.mask for item in pair.read(choice, CancelToken()).slices])
    for number in (1, 2):
        before = int((halves(one) == number).sum())
        assert int((found == number).sum()) == pytest.approx(4 * before, rel=0.05)
