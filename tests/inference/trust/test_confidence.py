from collections.abc import Callable

import numpy as np
import pytest

from afunet.inference.trust.confidence import (
    outline_of,
    piece_confidence,
    slice_confidence,
)
from afunet.inference.trust.evidence import Evidence

Make = Callable[..., Evidence]


def test_a_certain_mask_is_expected_to_be_right(hu: np.ndarray, evidence_of: Make) -> None:
    slices = slice_confidence(evidence_of(hu))
    assert [one.index for one in slices] == list(range(9))
    assert all(one.dice == one.precision == pytest.approx(1) for one in slices)
    assert {one.pixels for one in slices} == {256}


def test_expected_dice_by_hand(hu: np.ndarray, evidence_of: Make) -> None:
    """256 bone pixels at 204/255 = 0.8, 64 others at 0.4: 2·204.8 / (204.8 + 25.6 + 256)."""
    probability = np.where(hu > 500, 204, 0).astype(np.uint8)
    probability[:, :4, :16] = 102
    one = slice_confidence(evidence_of(hu, probability=probability))[0]
    assert one.dice == pytest.approx(2 * 204.8 / (204.8 + 25.6 + 256))
    assert one.precision == pytest.approx(0.8)


def test_what_the_clean_up_decided_counts_as_certain(hu: np.ndarray, evidence_of: Make) -> None:
    bone = hu > 500
    holed, speckled = bone.copy(), bone.copy()
    holed[:, 28:30, 28:30] = False
    speckled[:, 5:7, 5:7] = True
    for predicted in (holed, speckled):
        assert slice_confidence(evidence_of(hu, predicted=predicted))[0].dice == pytest.approx(1)


def test_pieces_are_judged_one_by_one(hu: np.ndarray, evidence_of: Make) -> None:
    bone = hu > 500
    labels = np.where(bone, 1, 0).astype(np.uint8)
    labels[:, :, 30:][bone[:, :, 30:]] = 2
    probability = np.where(labels == 1, 255, np.where(labels == 2, 153, 0)).astype(np.uint8)
    first, second = piece_confidence(evidence_of(hu, labels=labels, probability=probability))
    assert (first.label, first.probability, first.unsure_outline) == (1, pytest.approx(1), 0)
    assert first.surest == 1
    assert (second.label, second.probability, second.unsure_outline) == (2, pytest.approx(0.6), 1)
    assert second.surest == pytest.approx(0.6, abs=0.002)


def test_a_piece_is_as_sure_as_its_surest_tenth(hu: np.ndarray, evidence_of: Make) -> None:
    labels = (hu > 500).astype(np.uint8)
    voxels = np.flatnonzero(labels)
    probability = np.zeros(labels.shape, dtype=np.uint8)
    probability.flat[voxels] = 102
    probability.flat[voxels[: len(voxels) // 10 + 1]] = 255
    (piece,) = piece_confidence(evidence_of(hu, labels=labels, probability=probability))
    assert piece.surest == 1
    assert piece.probability == pytest.approx(0.46, abs=0.01)
    probability.flat[voxels[len(voxels) // 11 :]] = 102
    (piece,) = piece_confidence(evidence_of(hu, labels=labels, probability=probability))
    assert piece.surest == pytest.approx(0.4)


def test_an_outline_is_where_labels_meet_or_end() -> None:
    labels = np.ones((4, 5), dtype=np.uint8)
    labels[:, 4] = 2
    assert outline_of(labels).tolist() == [
        [True] * 5,
        [True, False, False, True, True],
        [True, False, False, True, True],
        [True] * 5,
    ]


def test_no_bone_gives_no_confidence(hu: np.ndarray, evidence_of: Make) -> None:
    empty = evidence_of(np.minimum(hu, 50))
    assert slice_confidence(empty) == ()
    assert piece_confidence(empty) == ()
