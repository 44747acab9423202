"""Run networks with PyTorch, on a CPU or a CUDA GPU."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from afunet.errors import ConfigError, DeviceError
from afunet.inference.device_choice import DeviceChoice
from afunet.inference.engines.engine import WINDOWS_PER_BATCH, Float32Array, require_channels
from afunet.models.fusion import folded
from afunet.models.network_file import NetworkFile


@dataclass(frozen=True, eq=False)
class TorchEngine:
    """An `Engine`: a network in evaluation mode, on the device `place`, in `dtype`."""

    network: nn.Module
    place: torch.device
    dtype: torch.dtype
    windows_per_batch: int
    channels: int = 1
    classes: int = 1
    runtime: str = "torch"

    @property
    def device(self) -> str:
        """The device, "cpu" or "cuda"."""
        return self.place.type

    @property
    def arithmetic(self) -> str:
        """The number format, "float32" or "bfloat16"."""
        return str(self.dtype).removeprefix("torch.")

    @torch.inference_mode()
    def run(self, windows: Float32Array) -> Float32Array:
        """Return the logits, copied to the CPU, so that the device has finished."""
        require_channels(self, windows)
        given = torch.from_numpy(np.require(windows, np.float32, ["C", "W"]))
        try:
            placed = given.to(self.place, self.dtype).contiguous(memory_format=torch.channels_last)
            return self.network(placed).float().cpu().contiguous().numpy()  # type: ignore[no-any-return]
        except RuntimeError as error:
            if _out_of_memory(error):
                raise MemoryError(f"not enough memory for {len(windows)} windows") from error
            raise

    def smaller(self) -> tuple[TorchEngine, str]:
        """Halve the batch; after a batch of one window go on with the CPU."""
        torch.cuda.empty_cache()
        if self.windows_per_batch > 1:
            half = self.windows_per_batch // 2
            return replace(self, windows_per_batch=half), f"{half} windows per batch"
        if self.device == "cpu":
            raise DeviceError(
                "out of memory on the CPU even with one window per batch: free some memory",
                code="OUT_OF_MEMORY",
            )
        cpu = replace(
            self,
            network=_on_cpu(self.network),
            place=torch.device("cpu"),
            dtype=torch.float32,
            windows_per_batch=2,
        )
        return cpu, "the CPU"


def torch_engine(file: NetworkFile, device: str, arithmetic: str) -> TorchEngine:
    """Return an engine for the checkpoint of a file."""
    assert file.checkpoint is not None
    return build_engine(
        file.checkpoint.network(),
        torch.device(device),
        getattr(torch, arithmetic),
        channels=file.header.input_slices,
        classes=len(file.header.classes),
    )


def build_engine(
    network: nn.Module,
    device: torch.device,
    dtype: torch.dtype = torch.float32,
    *,
    channels: int = 1,
    classes: int = 1,
) -> TorchEngine:
    """Return an engine with a copy of the network prepared for inference."""
    placed = folded(network).to(device, dtype)
    placed = placed.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return TorchEngine(
        placed, device, dtype, WINDOWS_PER_BATCH[device.type], channels=channels, classes=classes
    )


def pick_device(choice: DeviceChoice) -> torch.device:
    """Return PyTorch's device for a choice, given as a `DeviceChoice` or its value.

    Raises `ConfigError` for another value, `DeviceError` if CUDA is chosen but not available.
    """
    if choice not in tuple(DeviceChoice):
        raise ConfigError(f"unknown device {choice!r}: choose from {', '.join(DeviceChoice)}")
    available = has_cuda()
    if choice == DeviceChoice.CUDA and not available:
        raise DeviceError("no CUDA device found: use --device cpu or --device auto", code="NO_CUDA")
    use_cuda = available and choice != DeviceChoice.CPU
    return torch.device("cuda" if use_cuda else "cpu")


def has_cuda() -> bool:
    """Whether PyTorch finds a CUDA GPU."""
    return torch.cuda.is_available()


def _out_of_memory(error: RuntimeError) -> bool:
    """Whether memory ran out; the CPU's allocator has no error class of its own."""
    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)


def _on_cpu(network: nn.Module) -> nn.Module:
    """A float32 copy on the CPU; the original stays on the GPU, where other scans use it."""
    copies: dict[int, Any] = {}
    for parameter in network.parameters():
        placed = parameter.detach().to("cpu", torch.float32)
        copies[id(parameter)] = nn.Parameter(placed, requires_grad=False)
    for buffer in network.buffers():
        copies[id(buffer)] = buffer.to("cpu", torch.float32 if buffer.is_floating_point() else None)
    return copy.deepcopy(network, copies)
