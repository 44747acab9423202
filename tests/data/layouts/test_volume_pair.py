"""Volumes and labels on one grid, however each was stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from tests.refusals import refused

from afunet.data.layouts.bone_labels import BoneValues
from afunet.data.layouts.pair import Choice, Content, Given
from afunet.data.layouts.volume_pair import VolumePair
from afunet.errors import InputError
from afunet.formats.nifti import write_nifti
from afunet.geometry import Volume
from afunet.watch import CancelToken

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@pytest.fixture
def pair(tmp_path: Path) -> Callable[..., VolumePair]:
    def write(image: Volume, label: Volume, **fields: Any) -> VolumePair:
        write_nifti(image, tmp_path / "ct.nii.gz")
        write_nifti(label, tmp_path / "label.nii.gz")
        return VolumePair(
            Given("leg"), tmp_path / "ct.nii.gz", (tmp_path / "label.nii.gz",), **fields
        )

    return write


def read(pair: VolumePair, **choice: Any) -> Content:
    return pair.read(Choice(**choice), CancelToken())


def refuses(pair: VolumePair, code: str, *facts: object) -> None:
    with refused(InputError, code, *facts):
        read(pair)


def stored_feet_down(volume: Volume) -> Volume:
    """The same voxels stored sagittally, the head first."""
    affine = volume.affine[:, [2, 1, 0, 3]].copy()
    voxels = volume.voxels.transpose(2, 1, 0)[:, :, ::-1]
    affine[:3, 3] += affine[:3, 0] * (volume.shape[0] - 1)
    affine[:3, 0] *= -1
    return Volume(np.ascontiguousarray(voxels), affine)


@pytest.mark.parametrize("turned", ["image", "label", "both"])
def test_other_axes_of_image_or_label_change_nothing(
    turned: str, leg: Callable[..., Any], pair: Callable[..., VolumePair]
) -> None:
    one = leg(1)
    image = stored_feet_down(one.volume) if turned != "label" else one.volume
    label = stored_feet_down(one.mask) if turned != "image" else one.mask
    content = read(pair(image, label))
    assert np.array_equal([item.grey[0] for item in content.slices], one.grey)
    assert np.array_equal([item.mask for item in content.slices], one.mask.voxels)


def test_pixels_finer_than_the_range_are_resampled_as_inference_does(
    leg: Callable[..., Any], pair: Callable[..., VolumePair]
) -> None:
    # 0.7 mm pixels, 1.4 mm asked for: 40 × 36 become 20 × 18.
    one = leg(1)
    first = read(pair(one.volume, one.mask), allowed_mm=(1.4, 2.0)).slices[0]
    assert first.grey.shape == (1, 20, 18)
    assert first.record.spacing_mm == pytest.approx((1.4, 1.4))
    assert set(np.unique(first.mask)) == {0, 1}
    assert first.mask.sum() == pytest.approx(one.mask.voxels[0].sum() / 4, rel=0.15)


def test_float_and_16_bit_labels_are_taken_where_whole(
    tmp_path: Path, leg: Callable[..., Any], pair: Callable[..., VolumePair]
) -> None:
    one = leg(1)
    for dtype in (np.int16, np.float32):
        content = read(pair(one.volume, one.mask.with_voxels(one.mask.voxels.astype(dtype))))
        assert sum(item.mask.sum() for item in content.slices) == one.mask.voxels.sum()
    half = one.mask.with_voxels(one.mask.voxels.astype(np.float32) / 2)
    refuses(pair(one.volume, half), "BAD_LABELS", 0.5)


def test_a_label_of_other_values_names_them_and_the_option(
    leg: Callable[..., Any], pair: Callable[..., VolumePair]
) -> None:
    one = leg(1)
    several = one.mask.with_voxels(one.mask.voxels * 75)
    several.voxels[0, 0, :6] = [1, 2, 3, 4, 5, 255]
    refuses(pair(one.volume, several), "NOT_BINARY", "0, 1, 2, 3, 4, 5 … 255", "--bones")
    bone = read(pair(one.volume, several, bones=(BoneValues({75: 1}),)))
    assert np.array_equal([item.mask for item in bone.slices], one.mask.voxels)


def test_negative_labels_are_refused(
    leg: Callable[..., Any], pair: Callable[..., VolumePair]
) -> None:
    one = leg(1)
    negative = one.mask.with_voxels(-one.mask.voxels.astype(np.int16))
    refuses(pair(one.volume, negative, bones=(BoneValues(),)), "NEGATIVE_LABELS", "-1, 0")


def test_a_label_on_another_grid_is_refused_with_both_grids(
    leg: Callable[..., Any], pair: Callable[..., VolumePair]
) -> None:
    one = leg(1)
    moved = one.mask.affine.copy()
    moved[0, 3] += 5
    refuses(pair(one.volume, Volume(one.mask.voxels, moved)), "OTHER_GRID", "36 × 40 × 3")


def test_exchanged_image_and_label_are_recognised(
    leg: Callable[..., Any], pair: Callable[..., VolumePair]
) -> None:
    one = leg(1)
    refuses(pair(one.mask, one.volume), "VALUES_NOT_HU")


def test_a_broken_file_and_one_without_placement_are_handled(
    tmp_path: Path, leg: Callable[..., Any], pair: Callable[..., VolumePair]
) -> None:
    one = leg(1)
    whole = pair(one.volume, one.mask)
    for path in whole.paths:
        image = nibabel.load(path)
        image.set_sform(None, 0)
        image.set_qform(None, 0)
        nibabel.save(image, path)
    assert len(read(whole).slices) == 3
    whole.labels[0].write_bytes(b"nothing")
    refuses(whole, "FILE_BROKEN", "NIfTI")
