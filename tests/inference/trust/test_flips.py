from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from afunet.inference.engines.torch_engine import TorchEngine
from afunet.inference.predictor import Predictor
from afunet.inference.trust.evidence import Evidence
from afunet.inference.trust.flips import flip_agreement, sample
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


def test_a_network_that_knows_no_sides_agrees_with_itself(
    hu: np.ndarray, evidence_of: Make
) -> None:
    hu[:, 22:38, 22:30] = 50  # bone at one side alone
    flips = flip_agreement(evidence_of(hu), predictor_of(lambda x: x), HEADER)
    assert [flip.dice for flip in flips] == [1.0] * 4


def test_a_network_that_shifts_to_one_side_does_not(hu: np.ndarray, evidence_of: Make) -> None:
    mask = np.roll(hu > 500, 2, axis=2)
    evidence = evidence_of(hu, mask=mask)
    flips = flip_agreement(evidence, predictor_of(lambda x: x.roll(2, -1)), HEADER)
    assert [flip.dice for flip in flips] == [pytest.approx(12 / 16)] * 4


def test_the_sample_is_spread_over_the_bone(hu: np.ndarray, evidence_of: Make) -> None:
    hu[:4] = np.minimum(hu[:4], 50)
    assert sample(evidence_of(hu)) == [4, 5, 7, 8]
    assert sample(evidence_of(hu), most=1) == [6]
    nothing = evidence_of(np.minimum(hu, 50))
    assert sample(nothing) == []
    assert flip_agreement(nothing, predictor_of(lambda x: x), HEADER) == ()
