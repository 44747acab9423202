"""Predict probabilities of axial slices in windows, a few at a time, blended where they overlap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from afunet.inference.cutting import (
    AIR,
    STEP_PX,
    Box,
    Cutting,
    Float32Array,
    Size,
    boxes_around,
    cut_off,
    denser_than_muscle,
    not_air,
    trained_boxes,
)
from afunet.inference.engines.engine import Engine
from afunet.models.head import probabilities
from afunet.models.header import Header
from afunet.watch import UNWATCHED, Watch

Items = TypeVar("Items", Sequence[Box], Float32Array)
EDGE_BONE = 0.1  # from this probability on, bone may go on beyond the edge of a window


@dataclass(frozen=True)
class Usage:
    """How much the network saw, and what it fell back to when memory ran short.

    `pixels` are those of all windows together; overlaps count twice.
    """

    windows: int = 0
    pixels: int = 0
    fallbacks: tuple[str, ...] = ()

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.windows + other.windows,
            self.pixels + other.pixels,
            self.fallbacks + other.fallbacks,
        )


@dataclass(frozen=True, eq=False)
class Predicted:
    """Probabilities (N, K, H, W), 0 where no window lay, and the work they took.

    `predictor` is the one to use next: if memory ran short, its engine is a smaller one.
    """

    probability: Float32Array
    usage: Usage
    predictor: Predictor


@dataclass(frozen=True, eq=False)
class Predictor:
    """Predicts slices in the windows that `cutting` chooses.

    Windows of the trained size have `patch_px` a side and overlap by the share `overlap`. `sizes`
    are those that other windows had so far: a runtime runs a known size without planning.
    """

    engine: Engine
    patch_px: int
    cutting: Cutting = Cutting.TRAINED
    overlap: float = 0.25
    sizes: tuple[Size, ...] = ()

    @staticmethod
    def of(engine: Engine, header: Header) -> Predictor:
        """The cheapest way that suits a network."""
        cutting = Cutting.DENSE if header.any_size else Cutting.TRAINED
        return Predictor(engine, header.patch_px, cutting)

    def __call__(self, slices: Float32Array, watch: Watch = UNWATCHED) -> Predicted:
        """Predict slices (N, C, H, W) in [0, 1].

        `watch` receives the number of windows done and their total. Raises `Cancelled` between
        batches, and `DeviceError` if the smallest engine runs out of memory. If memory does not
        hold a window of another size than the trained one, windows of the trained size take over.
        """
        rows, columns = slices.shape[-2:]
        try:
            found = self._predicted(self._padded(slices), watch)
        except MemoryError:
            given_up = Usage(fallbacks=(f"windows of {self.patch_px} px",))
            found = replace(self, cutting=Cutting.TRAINED)(slices, watch)
            found = replace(found, usage=given_up + found.usage)
        return replace(found, probability=found.probability[..., :rows, :columns])

    def of_grey(self, stack: NDArray[np.uint8]) -> Predicted:
        """Predict one slice from its neighbours (C, H, W), 8-bit in the network's window."""
        return self(stack[None].astype(np.float32) / np.float32(255))

    def _padded(self, slices: Float32Array) -> Float32Array:
        """Pad slices on the right and below with air, so that every window fits in."""
        if self.cutting is Cutting.TRAINED:
            rows, columns = (max(0, self.patch_px - size) for size in slices.shape[-2:])
        else:
            rows, columns = (-size % STEP_PX for size in slices.shape[-2:])
        if not (rows or columns):
            return slices
        return np.pad(slices, ((0, 0), (0, 0), (0, rows), (0, columns)))

    def _predicted(self, slices: Float32Array, watch: Watch) -> Predicted:
        """Predict padded slices; if windows cut bone off, once more around the whole body."""
        boxes = self._boxes(slices)
        found, seen = self._in_windows(slices, boxes, watch)
        if self.cutting is not Cutting.DENSE:
            return found
        cut = cut_off(found.probability.max(axis=1) > EDGE_BONE, seen, boxes)
        if not cut:
            return found
        body = replace(found.predictor, cutting=Cutting.BODY)
        whole, _ = body._in_windows(slices[cut], body._boxes(slices[cut]), UNWATCHED)
        found.probability[cut] = whole.probability
        after = replace(whole.predictor, cutting=self.cutting)
        return Predicted(found.probability, found.usage + whole.usage, after)

    def _boxes(self, slices: Float32Array) -> list[Box]:
        match self.cutting:
            case Cutting.TRAINED:
                dense, px = slices.max(axis=1) > AIR, self.patch_px
                each = (trained_boxes(one, i, px, self.overlap) for i, one in enumerate(dense))
                return [box for boxes in each for box in boxes]
            case Cutting.BODY:
                return boxes_around(not_air(slices), self.sizes)
            case Cutting.DENSE:
                return boxes_around(denser_than_muscle(slices), self.sizes)

    def _in_windows(
        self, slices: Float32Array, boxes: list[Box], watch: Watch
    ) -> tuple[Predicted, NDArray[np.bool_]]:
        """Run and blend windows; also returns which pixels (N, H, W) lie in one."""
        count, _, rows, columns = slices.shape
        total = np.zeros((count, self.engine.classes, rows, columns), dtype=np.float32)
        weight = np.zeros((count, 1, rows, columns), dtype=np.float32)
        engine, usage = self.engine, Usage()
        for size, same in groupby(sorted(boxes, key=_size), _size):
            for batch in _batches(list(same), self._at_once(engine, size)):
                logits, engine, given_up = self._run(
                    engine, np.stack([slices[box.area] for box in batch])
                )
                for box, probability in zip(batch, probabilities(logits), strict=True):
                    total[box.area] += probability * _blend(size)
                    weight[box.area] += _blend(size)
                usage += Usage(len(batch), len(batch) * size[0] * size[1], given_up)
                watch.check()
                watch.tell("windows", usage.windows, len(boxes))
        total /= np.maximum(weight, 1e-6)
        sizes = tuple(dict.fromkeys((*self.sizes, *map(_size, boxes))))
        after = replace(self, engine=engine, sizes=sizes)
        return Predicted(total, usage, after), weight[:, 0] > 0

    def _at_once(self, engine: Engine, size: Size) -> int:
        """The number of windows of a size that have the pixels of a batch as trained."""
        return max(1, engine.windows_per_batch * self.patch_px**2 // (size[0] * size[1]))

    def _run(
        self, engine: Engine, windows: Float32Array
    ) -> tuple[Float32Array, Engine, tuple[str, ...]]:
        """Return the logits of a batch, the engine that managed it, and the fallbacks it took.

        Raises `MemoryError` if memory does not hold one window larger than the trained size.
        """
        given_up: tuple[str, ...] = ()
        rows, columns = windows.shape[-2:]
        while True:
            most = self._at_once(engine, (rows, columns))
            try:
                parts = [engine.run(part) for part in _batches(windows, most)]
                return np.concatenate(parts), engine, given_up
            except MemoryError:
                if most == 1 and rows * columns > self.patch_px**2:
                    raise
                engine, what = engine.smaller()
                given_up += (what,)


def _size(box: Box) -> Size:
    return box.size


@lru_cache
def _blend(size: Size) -> Float32Array:
    """The weight of each pixel of a window (rows, columns), largest in the middle."""
    down, across = (np.hanning(side + 2)[1:-1].clip(min=1e-3).astype(np.float32) for side in size)
    return np.asarray(down[:, None] * across[None, :])


def _batches(items: Items, size: int) -> Iterator[Items]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
