"""What a network learns, apart from how it is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from afunet.data.sampler import CropSampler
from afunet.models import build_model
from afunet.training.config import TrainingConfig
from afunet.training.losses import segmentation_loss, taught_loss

Total = Callable[[Tensor], Tensor]
"""The sum of a value over all processes of a run."""


class Batches(Protocol):
    """Inputs and targets of a step, the same whenever they are asked for."""

    def batch(self, step: int, size: int, part: slice = ...) -> tuple[Tensor, Tensor]:
        """Of the step's `size` examples those of `part`."""


@dataclass(frozen=True, eq=False)
class Task:
    """A network with fresh weights, what it is shown, and how wrong it is.

    A pass over the data holds `examples`; `loss` takes the network's output and the targets.
    """

    build: Callable[[], nn.Module]
    batches: Batches
    examples: int
    loss: Callable[[Tensor, Tensor, Total], Tensor]
    memory_format: torch.memory_format = torch.channels_last

    def network(self, device: torch.device) -> nn.Module:
        """The network on `device`, laid out for it."""
        model = self.build().to(device)
        return model.to(memory_format=self.memory_format)  # type: ignore[call-overload, no-any-return]

    def place(self, inputs: Tensor, device: torch.device) -> Tensor:
        """The inputs on `device`, laid out for it."""
        return inputs.to(device).contiguous(memory_format=self.memory_format)


def segmentation(config: TrainingConfig, sampler: CropSampler) -> Task:
    """The sampler's classes on crops (B, input_slices, px, px), as logits (B, classes, px, px).

    If a teacher has seen the slices, its loss is added with the weight of `config.distillation`.
    Neither loss hears an ignored label.
    """
    options = config.options_for(sampler.bank.classes)

    def loss(logits: Tensor, targets: Tensor, total: Total) -> Tensor:
        classes = logits.shape[1]
        masks, weight = targets[:, :classes], targets[:, -1:] if sampler.bank.ignores else None
        labelled = segmentation_loss(
            logits,
            masks,
            config.focal_weight,
            total,
            config.gap_weight,
            weight,
            config.focal_gamma,
        )
        if config.distillation is None:
            return labelled
        soft = targets[:, classes : 2 * classes]
        return labelled + config.distillation.weight * taught_loss(logits, soft, weight)

    return Task(
        lambda: build_model(config.model, options, seed=config.seed),
        sampler,
        len(sampler.bank),
        loss,
    )
