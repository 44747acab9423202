"""Slices with masks of their own: what one bad slice does to the others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image
from tests.refusals import holds, refused

from afunet.data.layouts import LAYOUTS
from afunet.data.layouts.pair import Choice, Content
from afunet.errors import InputError
from afunet.watch import CancelToken

Write = Callable[..., Path]


def read(source: Path, name: str) -> Content:
    (pair,) = LAYOUTS[name].pairs(source, Choice()).pairs
    return pair.read(Choice(), CancelToken())


@pytest.fixture(params=["slices", "paper"])
def laid_out(
    request: pytest.FixtureRequest, tmp_path: Path, leg: Callable[..., Any], write_layout: Write
) -> tuple[str, Path]:
    return request.param, write_layout(request.param, tmp_path / "set", [leg(1)])


def masks_of(source: Path) -> list[Path]:
    return sorted((source / "leg1" / "masks").iterdir())


def test_a_mask_of_several_values_leaves_out_its_slice_alone_and_is_listed(
    laid_out: tuple[str, Path],
) -> None:
    name, source = laid_out
    masks = masks_of(source)
    smooth = np.asarray(Image.open(masks[1])) * 254
    smooth[0, 0] = 127
    Image.fromarray(smooth).save(masks[1])
    content = read(source, name)
    assert len(content.slices) == 2
    (line,) = content.left_out
    assert line.case == "leg1"
    assert "127, 254" in line.reason


def test_slices_left_out_for_one_reason_are_one_line(laid_out: tuple[str, Path]) -> None:
    name, source = laid_out
    for mask in masks_of(source)[:2]:
        Image.new("L", (5, 7)).save(mask)
    (line,) = read(source, name).left_out
    assert holds(line.reason, 2, (36, 40), (5, 7))


def test_a_case_without_a_good_slice_is_refused_with_the_reason(
    laid_out: tuple[str, Path],
) -> None:
    name, source = laid_out
    for mask in masks_of(source):
        mask.write_bytes(b"no image")
    with refused(InputError, "BAD_SLICES"):
        read(source, name)


def test_pngs_exchanged_with_their_masks_are_recognised(
    tmp_path: Path, leg: Callable[..., Any], write_layout: Write
) -> None:
    source = write_layout("slices", tmp_path / "set", [leg(1)])
    folder = source / "leg1"
    (folder / "images").rename(folder / "aside")
    (folder / "masks").rename(folder / "images")
    (folder / "aside").rename(folder / "masks")
    with refused(InputError, "BAD_SLICES", (0, 1, 2)):
        read(source, "slices")


def rewrite(source: Path, **elements: Any) -> None:
    for path in (source / "leg1" / "images").iterdir():
        dataset = pydicom.dcmread(path)
        for keyword, value in elements.items():
            setattr(dataset, keyword, value)
        dataset.save_as(path)


def test_dicom_slices_that_show_the_patient_mirrored_are_turned_as_inference_does(
    tmp_path: Path, leg: Callable[..., Any], write_layout: Write
) -> None:
    one = leg(1)
    source = write_layout("paper", tmp_path / "set", [one])
    # Columns now run to the right, rows to the front: a half turn.
    rewrite(source, ImageOrientationPatient=[-1, 0, 0, 0, -1, 0])
    content = read(source, "paper")
    assert np.array_equal(content.slices[0].mask, one.mask.voxels[0, ::-1, ::-1])
    assert np.array_equal(content.slices[0].grey[0], one.grey[0, ::-1, ::-1])


def test_dicom_slices_are_ordered_by_position_and_need_no_even_stack(
    tmp_path: Path, leg: Callable[..., Any], write_layout: Write
) -> None:
    one = leg(1)
    source = write_layout("paper", tmp_path / "set", [one])
    images = sorted((source / "leg1" / "images").iterdir())
    for path, height in zip(images, (9.0, 1.0, 4.0), strict=True):
        dataset = pydicom.dcmread(path)
        dataset.ImagePositionPatient = [0, 0, height]
        dataset.save_as(path)
    content = read(source, "paper")
    assert np.array_equal([item.grey[0] for item in content.slices], one.grey[[1, 2, 0]])


def test_coronal_slices_and_other_modalities_are_left_out(
    tmp_path: Path, leg: Callable[..., Any], write_layout: Write
) -> None:
    source = write_layout("paper", tmp_path / "set", [leg(1)])
    rewrite(source, ImageOrientationPatient=[1, 0, 0, 0, 0, -1])
    with refused(InputError, "BAD_SLICES", "(1, 2, 3)"):
        read(source, "paper")
    rewrite(source, Modality="MR")
    with refused(InputError, "BAD_SLICES"):
        read(source, "paper")
