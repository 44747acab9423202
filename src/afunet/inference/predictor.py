"""Predict probabilities of axial slices, in windows of the size the network was trained on.

A network with global pooling or batch normalisation behaves as trained only on windows that look
like its training crops (docs/decisions/003-windows.md). So slices are cut into overlapping
windows of `patch_px`, windows that hold only air are skipped, and overlaps are blended.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from afunet.inference.engines.engine import Engine, Float32Array
from afunet.models.head import probabilities
from afunet.watch import UNWATCHED, Watch

Items = TypeVar("Items", Sequence["Box"], Float32Array)
AIR = 0.03  # -250 HU in the bone window: less than fat, more than air and foam


@dataclass(frozen=True)
class Box:
    """Rows and columns of one window in one slice of a batch."""

    index: int
    top: int
    left: int


@dataclass(frozen=True)
class Usage:
    """How many windows the network saw, and what it fell back to when memory ran short."""

    windows: int = 0
    fallbacks: tuple[str, ...] = ()

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.windows + other.windows, self.fallbacks + other.fallbacks)


@dataclass(frozen=True, eq=False)
class Predicted:
    """Probabilities (N, K, H, W), 0 where there is only air, and the work they took.

    `predictor` is the one to use next: if memory ran short, its engine is a smaller one.
    """

    probability: Float32Array
    usage: Usage
    predictor: Predictor


@dataclass(frozen=True, eq=False)
class Predictor:
    """Predicts slices in windows of `patch_px` that overlap by the share `overlap`."""

    engine: Engine
    patch_px: int
    overlap: float = 0.25

    def __call__(self, slices: Float32Array, watch: Watch = UNWATCHED) -> Predicted:
        """Predict slices (N, C, H, W) in [0, 1].

        `watch` receives the number of windows done and their total. Raises `Cancelled` between
        batches, and `DeviceError` if the smallest engine runs out of memory.
        """
        count, _, rows, columns = slices.shape
        padded = self._pad(slices)
        total = np.zeros((count, self.engine.classes, *padded.shape[-2:]), dtype=np.float32)
        weight = np.zeros((count, 1, *padded.shape[-2:]), dtype=np.float32)
        blend, engine, usage = _blend(self.patch_px), self.engine, Usage()
        boxes = [box for index in range(count) for box in self._boxes(padded[index], index)]
        for batch in _batches(boxes, engine.windows_per_batch):
            windows = np.stack([padded[self._area(box)] for box in batch])
            logits, engine, given_up = _run(engine, windows)
            for box, probability in zip(batch, probabilities(logits), strict=True):
                area = self._area(box)
                total[area] += probability * blend
                weight[area] += blend
            usage += Usage(len(batch), given_up)
            watch.check()
            watch.tell("windows", usage.windows, len(boxes))
        total /= np.maximum(weight, 1e-6)
        return Predicted(total[..., :rows, :columns], usage, replace(self, engine=engine))

    def of_grey(self, stack: NDArray[np.uint8]) -> Predicted:
        """Predict one slice from its neighbours (C, H, W), 8-bit in the network's window."""
        return self(stack[None].astype(np.float32) / np.float32(255))

    def _pad(self, slices: Float32Array) -> Float32Array:
        """Pad slices that are smaller than a window with air, on the right and below."""
        rows, columns = (max(0, self.patch_px - size) for size in slices.shape[-2:])
        if not (rows or columns):
            return slices
        return np.pad(slices, ((0, 0), (0, 0), (0, rows), (0, columns)))

    def _boxes(self, image: Float32Array, index: int) -> Iterator[Box]:
        """Overlapping, evenly spread windows that cover everything denser than air."""
        dense = image.max(axis=0) > AIR
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

    def _area(self, box: Box) -> tuple[int, slice, slice, slice]:
        px = self.patch_px
        rows, columns = slice(box.top, box.top + px), slice(box.left, box.left + px)
        return box.index, slice(None), rows, columns


def _run(engine: Engine, windows: Float32Array) -> tuple[Float32Array, Engine, tuple[str, ...]]:
    """Return the logits of a batch, the engine that managed it, and the fallbacks it took."""
    given_up: tuple[str, ...] = ()
    while True:
        try:
            parts = [engine.run(part) for part in _batches(windows, engine.windows_per_batch)]
            return np.concatenate(parts), engine, given_up
        except MemoryError:
            engine, what = engine.smaller()
            given_up += (what,)


@lru_cache
def _blend(patch_px: int) -> Float32Array:
    """The weight of each pixel of a window, (patch_px, patch_px), largest in the middle."""
    ramp = np.hanning(patch_px + 2)[1:-1].clip(min=1e-3).astype(np.float32)
    return ramp[:, None] * ramp[None, :]


def _batches(items: Items, size: int) -> Iterator[Items]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
