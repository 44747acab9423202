import math

import torch
from torch import nn

from afunet.models.attention_unet import AttentionGate, AttentionUNet, AttentionUNetConfig


def gate_by_hand() -> AttentionGate:
    """W_x averages a 2×2 block of one channel, W_g doubles and adds 1, ψ halves and adds ln 3."""
    gate = AttentionGate(skip_channels=1, gate_channels=1)
    nn.init.constant_(gate.skip.weight, 0.25)
    nn.init.constant_(gate.gate.weight, 2.0)
    nn.init.constant_(gate.gate.bias, 1.0)
    nn.init.constant_(gate.attention.weight, 0.5)
    nn.init.constant_(gate.attention.bias, math.log(3))
    return gate


def test_the_gate_follows_the_additive_equation() -> None:
    skip = torch.tensor([[2.0, 4.0], [6.0, 8.0]]).view(1, 1, 2, 2)  # mean 5
    signal = torch.full((1, 1, 1, 1), -4.0)
    # ReLU(5 + 2 · -4 + 1) = ReLU(-2) = 0, α = σ(ln 3) = 3/4
    torch.testing.assert_close(gate_by_hand()(skip, signal), 0.75 * skip)


def test_a_gating_signal_opens_the_gate() -> None:
    skip = torch.tensor([[2.0, 4.0], [6.0, 8.0]]).view(1, 1, 2, 2)
    signal = torch.full((1, 1, 1, 1), math.log(3) - 3.0)
    # ReLU(5 + 2 ln 3 - 6 + 1) = 2 ln 3, α = σ(ln 3 + ln 3) = 9/10
    torch.testing.assert_close(gate_by_hand()(skip, signal), 0.9 * skip)


def test_attention_is_interpolated_to_the_skip() -> None:
    skip = torch.ones(1, 1, 2, 4)
    signal = torch.tensor([-9.0, 1e3]).view(1, 1, 1, 2)  # α = 3/4 and 1
    row = torch.tensor([0.75, 0.8125, 0.9375, 1.0])
    torch.testing.assert_close(gate_by_hand()(skip, signal), row.expand(1, 1, 2, 4))


def test_an_odd_skip_is_gated_as_a_whole() -> None:
    gated = gate_by_hand()(torch.ones(1, 1, 5, 7), torch.full((1, 1, 2, 3), -9.0))
    torch.testing.assert_close(gated, torch.full((1, 1, 5, 7), 0.75))


def test_all_skips_but_that_of_the_full_resolution_have_a_gate() -> None:
    model = AttentionUNet(AttentionUNetConfig(width=2, depth=4))
    gates = [child for child in model.modules() if isinstance(child, AttentionGate)]
    assert [gate.skip.in_channels for gate in gates] == [16, 8, 4]
    assert [gate.gate.in_channels for gate in gates] == [32, 16, 8]
