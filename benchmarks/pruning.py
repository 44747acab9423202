"""Which measure of a channel's importance to prune by: the loss of pruned networks, not fine-tuned.

    .venv/bin/python -m benchmarks.pruning WEIGHTS [--data knee] [--crop 192]

An AFU-Net loses an eighth, a quarter and a half of its channels. They are chosen by the change of
the loss to first order, by the scale γ of batch normalisation (the norm of its weights for a
convolution without one), or by chance. Ranking and judging use different crops of every sixth slice
of the split train, 64 each. Prints Dice over all judged crops.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from afunet.data.augment import AugmentConfig
from afunet.data.labelled import load_labelled
from afunet.data.locate import locate_data
from afunet.data.sampler import CropConfig, CropSampler, Source
from afunet.models.afunet import AFUNet, AFUNetConfig
from afunet.models.channel_importance import channel_importance, survivors
from afunet.models.pruning import Layer, layers_of, narrower, pruned
from afunet.plain import from_plain
from afunet.training.losses import segmentation_loss
from afunet.workflows.lineage import parent_of
from benchmarks.bench import parser_of, print_heading, print_row

SHARES = (0.125, 0.25, 0.5)
BATCHES, CROPS, EVERY = 16, 4, 6
Crops = Sequence[tuple[Tensor, Tensor]]


def by_scale(network: AFUNet, config: AFUNetConfig) -> dict[str, Tensor]:
    """|γ| or the norm of the weights; of channels with several producers, their sum."""
    found: dict[str, Tensor] = {}
    for layer in layers_of(config):
        if layer.weighs:
            continue
        scales = _scales(network, layer)
        if layer.order:
            scales = scales[network.get_buffer(layer.order)]
        parts = torch.split(scales, [group.size for group in layer.outputs])
        for group, part in zip(layer.outputs, parts, strict=True):
            found[group.name] = found.get(group.name, 0) + part
    return found


def by_chance(importance: dict[str, Tensor], seed: int = 1) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.rand(len(values), generator=generator) for name, values in importance.items()
    }


@torch.inference_mode()
def dice_of(network: nn.Module, crops: Crops) -> float:
    """Dice pooled over all crops, at a probability of one half."""
    hit = marked = 0
    for inputs, targets in crops:
        found, true = network(inputs) > 0, targets > 0
        hit += int((found & true).sum())
        marked += int(found.sum()) + int(true.sum())
    return 2 * hit / max(1, marked)


def _scales(network: AFUNet, layer: Layer) -> Tensor:
    module = network.get_submodule(layer.name)
    if isinstance(module, nn.Sequential):
        module = module[1]
        assert isinstance(module, nn.BatchNorm2d)
        return module.weight.detach().abs()
    norms: Tensor = torch.linalg.vector_norm(module.get_parameter("weight"), dim=(1, 2, 3))
    return norms.detach()


def main(argv: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("weights", help="a weights file, or shipped")
    parser.add_argument("--data", default="knee")
    parser.add_argument("--crop", type=int, default=192)
    options = parser.parse_args(argv)
    checkpoint = parent_of(options.weights)
    network = checkpoint.network()
    assert isinstance(network, AFUNet)
    header = checkpoint.header
    config = from_plain(
        AFUNetConfig, {**header.options, "classes": len(header.classes)}, header.model
    )
    slices = load_labelled(locate_data(options.data), "train", header.input_slices)[::EVERY]
    crop, augment = CropConfig(options.crop, 0.75), AugmentConfig(scale=(0.6, 1.6))
    sampler = CropSampler([Source(slices)], crop, augment, 5, classes=config.classes)
    ranking, judging = (
        [sampler.batch(first + step, CROPS) for step in range(BATCHES)] for first in (0, 100)
    )
    loss = channel_importance(network, config, ranking, segmentation_loss)
    measures = {"loss": loss, "γ": by_scale(network, config), "chance": by_chance(loss)}
    print(f"whole network: Dice {dice_of(network, judging):.4f}\n")
    print_heading("share:", *(f"by {name}:" for name in measures))
    for share in SHARES:
        smaller = narrower(config, share)
        networks = (
            pruned(network, config, smaller, survivors(measure, config, smaller))
            for measure in measures.values()
        )
        print_row(share, *(f"{dice_of(one, judging):.3f}" for one in networks))


if __name__ == "__main__":
    main()
