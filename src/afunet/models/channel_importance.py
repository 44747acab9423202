"""How much each channel of an AFU-Net matters: the change of the loss if it were set to zero.

The change is estimated to first order, as the sum of activation times gradient over a crop, and
squared and averaged over crops (Molchanov et al. 2019, "Importance estimation for neural network
pruning"). Unlike the scale of batch normalisation, this also ranks the convolutions of AF, which
have no normalisation, and it needs no training with a sparsity penalty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn

from afunet.models.afunet import AFUNet, AFUNetConfig
from afunet.models.pruning import Kept, layers_of

Loss = Callable[[Tensor, Tensor], Tensor]


def channel_importance(
    network: AFUNet,
    config: AFUNetConfig,
    crops: Iterable[tuple[Tensor, Tensor]],
    loss: Loss,
) -> dict[str, Tensor]:
    """The importance of the channels (K,) of each group; `crops` are batches with their targets."""
    *layers, _ = (layer for layer in layers_of(config) if not layer.weighs)  # without the head
    network = network.eval()
    totals: dict[str, Tensor] = {}
    for inputs, targets in crops:
        with _gated(network, [layer.name for layer in layers]) as gates:
            change = loss(network(inputs), targets)
            by_layer = torch.autograd.grad(change, [gates[layer.name] for layer in layers])
        changes: dict[str, Tensor] = {}
        for layer, gradient in zip(layers, by_layer, strict=True):  # gradient (B, outputs)
            if layer.order:
                gradient = gradient[:, network.get_buffer(layer.order)]
            sizes = [group.size for group in layer.outputs]
            for group, part in zip(layer.outputs, gradient.split(sizes, dim=1), strict=True):  # type: ignore[no-untyped-call]
                changes[group.name] = changes.get(group.name, 0) + part
        for name, change in changes.items():
            totals[name] = totals.get(name, 0) + change.square().sum(0)
    return totals


def survivors(importance: dict[str, Tensor], config: AFUNetConfig, smaller: AFUNetConfig) -> Kept:
    """The most important channels of each group, as many as the smaller network has."""
    kept: dict[str, Tensor] = {}
    for before, after in zip(layers_of(config), layers_of(smaller), strict=True):
        for group, left in zip(
            (*before.outputs, *before.inputs), (*after.outputs, *after.inputs), strict=True
        ):
            if left.size == group.size:
                kept[group.name] = torch.arange(group.size)
            else:
                chosen = importance[group.name].topk(left.size).indices
                kept[group.name] = chosen.sort().values
    return kept


@contextmanager
def _gated(network: nn.Module, names: Iterable[str]) -> Iterator[dict[str, Tensor]]:
    """Multiply the outputs of layers by ones (B, C), which collect each crop's gradient."""
    gates: dict[str, Tensor] = {}

    def gate(name: str) -> Callable[[nn.Module, object, Tensor], Tensor]:
        def hook(module: nn.Module, given: object, output: Tensor) -> Tensor:
            gates[name] = output.new_ones(output.shape[:2]).requires_grad_()
            return output * gates[name][:, :, None, None]

        return hook

    with ExitStack() as hooks:
        for name in names:
            handle = network.get_submodule(name).register_forward_hook(gate(name))
            hooks.callback(handle.remove)
        yield gates
