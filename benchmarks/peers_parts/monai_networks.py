"""MONAI's networks with random weights, on whole slices one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from afunet.models import build_model
from benchmarks.peers_parts.plans import Plan
from benchmarks.peers_parts.scene import Scene
from benchmarks.peers_parts.work import Work

AS_GIVEN, CHANNELS_LAST = torch.contiguous_format, torch.channels_last


def basic_unet(scene: Scene) -> Work:
    """With its own widths, 32-32-64-128-256-32."""
    return _whole_slices("monai_unet", scene, AS_GIVEN)


def attention_unet(width: int) -> Callable[[Scene], Work]:
    """Five stages, from `width` channels to 16 times as many."""
    return lambda scene: _whole_slices("monai_attention_unet", scene, CHANNELS_LAST, width=width)


def dyn_unet(plan: Plan) -> Callable[[Scene], Work]:
    """With the stages and channels of nnU-Net's plan, and a channel for the background."""
    depth = len(plan.strides) - 1
    return lambda scene: _whole_slices("monai_dynunet", scene, AS_GIVEN, depth=depth, classes=2)


def _whole_slices(name: str, scene: Scene, layout: torch.memory_format, **options: Any) -> Work:
    """`layout` is the order in memory in which the network is faster."""
    network = build_model(name, options).eval()
    network.to(memory_format=layout)  # type: ignore[call-overload]
    slices = [torch.from_numpy(unit[None]).contiguous(memory_format=layout) for unit in scene.units]

    @torch.inference_mode()
    def run(some: list[Tensor]) -> None:
        for one in some:
            network(one)

    said = f"{len(slices)} slices"
    return Work(lambda: run(slices[:1]), lambda: run(slices), len(slices), 1.0, said)
