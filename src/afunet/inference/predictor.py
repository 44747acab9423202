"""From axial slices to bone probabilities: windows of the size the network was trained on.

A network with global pooling or batch normalisation behaves as trained only on windows that look
like its training crops (docs/decisions/003-windows.md). So slices are cut into overlapping
windows of `patch_px`, windows of nothing but air are skipped, and overlaps are blended.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from afunet.errors import DeviceError

AIR = 0.03  # a unit value of -250 HU in the bone window: less than fat, more than air and foam


@dataclass(frozen=True)
class Box:
    """Rows and columns of one window in one slice of a batch."""

    index: int
    top: int
    left: int


@dataclass(frozen=True, eq=False)
class Engine:
    """A network placed on a device, with the arithmetic and batch that suit it."""

    network: nn.Module
    device: torch.device
    dtype: torch.dtype
    windows_per_batch: int

    @torch.inference_mode()
    def run(self, windows: Tensor) -> Tensor:
        """(N, C, px, px) in [0, 1] → float32 probabilities (N, px, px) on the CPU."""
        windows = windows.to(self.device, self.dtype).contiguous(memory_format=torch.channels_last)
        return torch.sigmoid(self.network(windows)[:, 0].float()).cpu()

    def smaller(self, error: RuntimeError) -> tuple[Engine, str]:
        """What to try after running out of memory: half the batch, then the CPU; and its name.

        Raises `DeviceError` where nothing smaller is left.
        """
        torch.cuda.empty_cache()
        if self.windows_per_batch > 1:
            half = self.windows_per_batch // 2
            return replace(self, windows_per_batch=half), f"{half} windows per batch"
        if self.device.type == "cpu":
            raise DeviceError(
                "out of memory with one window per batch on the CPU", code="OUT_OF_MEMORY"
            ) from error
        return Engine(_on_cpu(self.network), torch.device("cpu"), torch.float32, 2), "the CPU"


class Predictor:
    """Bone probabilities of slices, window by window.

    `fallbacks` tells in plain words what had to be given up for want of GPU memory; `windows`
    counts those the network has seen. `after_batch` is called with the windows done and those in
    all of one call; it may raise.
    """

    def __init__(self, engine: Engine, patch_px: int, overlap: float = 0.25) -> None:
        self.engine = engine
        self.patch_px = patch_px
        self.overlap = overlap
        self.fallbacks: list[str] = []
        self.windows = 0
        self.after_batch: Callable[[int, int], None] = _go_on
        ramp = torch.hann_window(patch_px + 2, periodic=False)[1:-1].clamp_min(1e-3)
        self.blend = ramp[:, None] * ramp[None, :]

    def __call__(self, slices: Tensor) -> Tensor:
        """(N, C, H, W) in [0, 1] → probabilities (N, H, W), 0 where there is only air."""
        count, _, rows, columns = slices.shape
        padded = self._pad(slices)
        total = torch.zeros((count, *padded.shape[-2:]))
        weight = torch.zeros_like(total)
        done = 0
        boxes = [box for index in range(count) for box in self._boxes(padded[index], index)]
        for batch in _batches(boxes, self.engine.windows_per_batch):
            windows = torch.stack([self._cut(padded, box) for box in batch])
            self.windows += len(batch)
            for box, probability in zip(batch, self._run(windows), strict=True):
                area = self._area(box)
                total[area] += probability * self.blend
                weight[area] += self.blend
            done += len(batch)
            self.after_batch(done, len(boxes))
        return (total / weight.clamp_min(1e-6))[:, :rows, :columns]

    def _run(self, windows: Tensor) -> Tensor:
        """Run a batch; out of GPU memory, go on with smaller batches, then on the CPU."""
        while True:
            try:
                parts = torch.split(windows, self.engine.windows_per_batch)
                return torch.cat([self.engine.run(part) for part in parts])
            except RuntimeError as error:
                if not _out_of_memory(error):
                    raise
                self.engine, what = self.engine.smaller(error)
                self.fallbacks.append(what)

    def _pad(self, slices: Tensor) -> Tensor:
        """Air to the right and below where a slice is smaller than a window."""
        rows, columns = slices.shape[-2:]
        missing = (0, max(0, self.patch_px - columns), 0, max(0, self.patch_px - rows))
        return nn.functional.pad(slices, missing)

    def _boxes(self, image: Tensor, index: int) -> Iterator[Box]:
        """Windows that cover everything denser than air, evenly spread, overlapping."""
        dense: NDArray[np.bool_] = (image.amax(0) > AIR).numpy()
        if not dense.any():
            return
        for top in self._starts(np.any(dense, axis=1)):
            for left in self._starts(np.any(dense[top : top + self.patch_px], axis=0)):
                if dense[top : top + self.patch_px, left : left + self.patch_px].any():
                    yield Box(index, top, left)

    def _starts(self, occupied: NDArray[np.bool_]) -> Sequence[int]:
        where = np.flatnonzero(occupied)
        if len(where) == 0:
            return ()
        margin = self.patch_px // 16
        low = max(0, int(where[0]) - margin)
        high = min(len(occupied), int(where[-1]) + 1 + margin)
        span = high - low - self.patch_px
        if span <= 0:
            centred = (low + high - self.patch_px) // 2
            return (min(max(0, centred), len(occupied) - self.patch_px),)
        stride = self.patch_px * (1 - self.overlap)
        steps = int(np.ceil(span / stride))
        return tuple(round(low + span * i / steps) for i in range(steps + 1))

    def _area(self, box: Box) -> tuple[int, slice, slice]:
        px = self.patch_px
        return box.index, slice(box.top, box.top + px), slice(box.left, box.left + px)

    def _cut(self, padded: Tensor, box: Box) -> Tensor:
        index, rows, columns = self._area(box)
        return padded[index, :, rows, columns]


def _go_on(done: int, total: int) -> None:
    """Nobody is told."""


def _out_of_memory(error: RuntimeError) -> bool:
    """The CPU's allocator has no error class of its own."""
    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)


def _on_cpu(network: nn.Module) -> nn.Module:
    """A float32 copy that takes no GPU memory; the original stays where other scans use it."""
    copies: dict[int, Any] = {}
    for parameter in network.parameters():
        placed = parameter.detach().to("cpu", torch.float32)
        copies[id(parameter)] = nn.Parameter(placed, requires_grad=False)
    for buffer in network.buffers():
        copies[id(buffer)] = buffer.to("cpu", torch.float32 if buffer.is_floating_point() else None)
    return copy.deepcopy(network, copies)


def _batches(boxes: Sequence[Box], size: int) -> Iterator[Sequence[Box]]:
    for start in range(0, len(boxes), size):
        yield boxes[start : start + size]
