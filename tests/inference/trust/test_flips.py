from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from afunet.inference.engines.torch_engine import TorchEngine
from afunet.inference.predictor import Predictor
from afunet.inference.trust.confidence import SliceConfidence, slice_confidence
from afunet.inference.trust.evidence import Evidence
from afunet.inference.trust.flips import Flip, flip_agreement, sample
from afunet.models.header import Header

HEADER = Header("afunet", {}, (-300, 1300), (0.5, 2.0), 64)
Make = Callable[..., Evidence]


class Network(nn.Module):
    def __init__(self, look: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.look = look

    def forward(self, x: Tensor) -> Tensor:
        return 20 * (self.look(x) - 0.5)


def predictor_of(look: Callable[[Tensor], Tensor]) -> Predictor:
    return Predictor(TorchEngine(Network(look), torch.device("cpu"), torch.float32, 2), 64)


def flips_of(evidence: Evidence, look: Callable[[Tensor], Tensor]) -> tuple[Flip, ...]:
    return flip_agreement(evidence, slice_confidence(evidence), predictor_of(look), HEADER)


def test_a_network_that_knows_no_sides_agrees_with_itself(
    hu: np.ndarray, evidence_of: Make
) -> None:
    hu[:, 22:38, 22:30] = 50  # bone at one side alone
    assert [flip.dice for flip in flips_of(evidence_of(hu), lambda x: x)] == [1.0]


def test_a_network_that_shifts_to_one_side_does_not(hu: np.ndarray, evidence_of: Make) -> None:
    mask = np.roll(hu > 500, 2, axis=2)
    flips = flips_of(evidence_of(hu, mask=mask), lambda x: x.roll(2, -1))
    assert [flip.dice for flip in flips] == [pytest.approx(12 / 16)]


def test_the_slice_with_most_pixels_in_doubt_is_tried(hu: np.ndarray, evidence_of: Make) -> None:
    probability = np.where(hu > 500, 255, 0).astype(np.uint8)
    probability[6, 22:38, 22:38] = 200
    probability[2, 22:24, 22:24] = 128  # less sure, but of fewer pixels
    (flip,) = flips_of(evidence_of(hu, probability=probability), lambda x: x)
    assert flip.index == 6


def test_three_of_a_hundred_slices_are_tried_and_never_more_than_a_dozen() -> None:
    doubts = np.random.default_rng(0).permutation(1000)
    slices = [SliceConfidence(k, 100, 1 - float(doubts[k]) / 2000, 1.0) for k in range(1000)]
    assert sample(slices[:100]) == sorted(np.argsort(-doubts[:100])[:3].tolist())
    assert len(sample(slices)) == 12
    assert len(sample(slices[:8])) == 1
    assert sample(()) == []


def test_without_bone_no_slice_is_tried(hu: np.ndarray, evidence_of: Make) -> None:
    assert flips_of(evidence_of(np.minimum(hu, 50)), lambda x: x) == ()
