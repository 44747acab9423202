"""Training on several processes, with the same result as on one.

With `torchrun`, each process sees its rows of every batch. Batch statistics and the Dice loss are
computed over all rows and gradients are averaged, so a step equals that of a single process with
the whole batch, up to rounding. Without `torchrun`, this module has no effect.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from afunet.errors import DeviceError


class _Sum(torch.autograd.Function):
    """Sum over processes; its gradient is the sum of their gradients."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        value = value.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(value)
        return value

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        gradient = gradients[0].clone(memory_format=torch.contiguous_format)
        dist.all_reduce(gradient)
        return gradient


@dataclass(frozen=True)
class World:
    """The processes of a run; `rank` 0 validates, records and writes."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process validates, records and writes."""
        return self.rank == 0

    @property
    def part(self) -> slice:
        """The rows of a batch that belong to this process."""
        return slice(self.rank, None, self.size)

    def total(self, value: Tensor) -> Tensor:
        """The sum over all processes, with a gradient; the value itself for one process."""
        if self.size == 1:
            return value
        return _Sum.apply(value)  # type: ignore[no-any-return, no-untyped-call]

    def any(self, flag: bool, device: torch.device) -> bool:
        """Whether the flag is set in any process."""
        if self.size == 1:
            return flag
        return bool(self.total(torch.tensor(float(flag), device=device)) > 0)

    def wait(self) -> None:
        """Wait until all processes reach this call."""
        if self.size > 1:
            dist.barrier()

    def wrapped(self, model: nn.Module) -> nn.Module:
        """The network with batch statistics and gradients shared between the processes."""
        if self.size == 1:
            return model
        _share_statistics(model, self)
        return DistributedDataParallel(model, broadcast_buffers=False)


ALONE = World()


@contextmanager
def joined(device: torch.device) -> Iterator[World]:
    """Join the processes that `torchrun` started, by NCCL on GPUs and gloo on CPUs."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield ALONE
        return
    try:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    except (RuntimeError, ValueError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise DeviceError(
            f"the {size} processes could not be joined: {reason}", code="PROCESSES_NOT_JOINED"
        ) from error
    try:
        yield World(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


def own_device(device: torch.device) -> torch.device:
    """The GPU that belongs to this process; the CPU is shared."""
    if device.type != "cuda":
        return device
    place = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    if place.index >= torch.cuda.device_count():
        raise DeviceError(
            f"process {place.index} has no GPU of its own, since there are "
            f"{torch.cuda.device_count()} GPUs: start torchrun with one process per GPU",
            code="TOO_FEW_GPUS",
        )
    torch.cuda.set_device(place)
    return place


class SharedBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation over the rows of all processes (PyTorch's own needs CUDA)."""

    world: World = ALONE

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → the same, normalised by the mean and variance of the global batch."""
        if not self.training:
            return super().forward(x)
        values = x.float()
        count = self.world.size * x.numel() / x.shape[1]
        mean = self.world.total(values.sum((0, 2, 3))) / count
        centred = values - mean[None, :, None, None]
        variance = self.world.total((centred**2).sum((0, 2, 3))) / count
        self._remember(mean.detach(), variance.detach(), count)
        scale = torch.rsqrt(variance + self.eps) * self.weight
        return (centred * scale[None, :, None, None] + self.bias[None, :, None, None]).to(x.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor, count: float) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        momentum = self.momentum or 0.1
        self.running_mean.lerp_(mean, momentum)
        self.running_var.lerp_(variance * count / (count - 1), momentum)
        self.num_batches_tracked += 1


def _share_statistics(model: nn.Module, world: World) -> None:
    """Replace each batch normalisation by a `SharedBatchNorm2d` with the same parameters."""
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if type(child) is nn.BatchNorm2d:
                shared = SharedBatchNorm2d(child.num_features, child.eps, child.momentum)
                shared.weight, shared.bias = child.weight, child.bias
                shared.running_mean, shared.running_var = child.running_mean, child.running_var
                shared.num_batches_tracked = child.num_batches_tracked
                shared.world = world
                setattr(parent, name, shared)
