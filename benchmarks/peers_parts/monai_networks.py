"""MONAI's networks with random weights, on whole slices one by one."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from benchmarks.peers_parts.plans import Plan
from benchmarks.peers_parts.scene import Scene
from benchmarks.peers_parts.work import Work

AS_GIVEN, CHANNELS_LAST = torch.contiguous_format, torch.channels_last


def basic_unet(scene: Scene) -> Work:
    """With its own widths, 32-32-64-128-256-32."""
    from monai.networks.nets import BasicUNet

    return _whole_slices(BasicUNet(spatial_dims=2, in_channels=1, out_channels=1), scene, AS_GIVEN)


def attention_unet(width: int) -> Callable[[Scene], Work]:
    """Five stages, from `width` channels to 16 times as many."""

    def work(scene: Scene) -> Work:
        from monai.networks.nets import AttentionUnet

        channels = tuple(width * 2**stage for stage in range(5))
        network = AttentionUnet(2, 1, 1, channels=channels, strides=(2, 2, 2, 2))
        return _whole_slices(network, scene, CHANNELS_LAST)

    return work


def dyn_unet(plan: Plan) -> Callable[[Scene], Work]:
    """With the stages and channels of nnU-Net's plan."""

    def work(scene: Scene) -> Work:
        from monai.networks.nets import DynUNet

        network = DynUNet(
            spatial_dims=2,
            in_channels=1,
            out_channels=2,
            kernel_size=[3] * len(plan.strides),
            strides=plan.strides,
            upsample_kernel_size=plan.strides[1:],
            filters=plan.features,
            norm_name=("instance", {"affine": True}),
        )
        return _whole_slices(network, scene, AS_GIVEN)

    return work


def _whole_slices(network: nn.Module, scene: Scene, layout: torch.memory_format) -> Work:
    """`layout` is the order in memory in which the network is faster."""
    network.eval().to(memory_format=layout)  # type: ignore[call-overload]
    slices = [torch.from_numpy(unit[None]).contiguous(memory_format=layout) for unit in scene.units]

    @torch.inference_mode()
    def run(some: list[Tensor]) -> None:
        for one in some:
            network(one)

    said = f"{len(slices)} slices"
    return Work(lambda: run(slices[:1]), lambda: run(slices), len(slices), 1.0, said)
