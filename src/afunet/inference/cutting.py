"""Cut slices into the windows that a network sees at once.

There are two ways (docs/decisions/003-windows.md). Every network can see overlapping windows of the
size that it was trained on. A network that may see windows of any size is given one window around
each part of a slice that may hold bone; what lies outside these parts costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Float32Array = NDArray[np.float32]
Size = tuple[int, int]
Span = tuple[slice, slice]
AIR = 0.03  # -250 HU in the bone window: less than fat, more than air and foam
DENSE = 0.25  # 100 HU in the bone window: more than muscle, less than any bone with a cortex
BLOCK_PX = 4
MARGIN_PX = 24
STEP_PX = 32  # few sizes, so that a runtime plans seldom; networks halve a side five times at most
LEAST_PX, MOST_PX = 128, 768  # of a side; crops of training are no smaller
OVERLAP_PX = 64
CALL_PX = 4096  # a window's own cost in pixels, beside its area
MOST_PARTS = 12  # with more, one window is put around all of them
SPARE = 1.15  # the area that a window may waste to have a size that was used before


class Cutting(StrEnum):
    """Which windows a slice is cut into."""

    TRAINED = "overlapping windows of the trained size"
    BODY = "windows around all that is denser than air"
    DENSE = "windows around all that is denser than muscle"


@dataclass(frozen=True)
class Box:
    """Rows and columns of one window in one slice of a batch, in pixels."""

    index: int
    top: int
    left: int
    rows: int
    columns: int

    @property
    def size(self) -> Size:
        """Rows and columns."""
        return self.rows, self.columns

    @property
    def area(self) -> tuple[int, slice, slice, slice]:
        """The place in slices (N, C, H, W)."""
        rows = slice(self.top, self.top + self.rows)
        return self.index, slice(None), rows, slice(self.left, self.left + self.columns)


def trained_boxes(dense: NDArray[np.bool_], index: int, px: int, overlap: float) -> Iterator[Box]:
    """Overlapping, evenly spread windows of `px` that cover the dense pixels of a slice (H, W)."""
    for top in _starts(np.any(dense, axis=1), px, overlap):
        for left in _starts(np.any(dense[top : top + px], axis=0), px, overlap):
            if dense[top : top + px, left : left + px].any():
                yield Box(index, top, left, px, px)


def _starts(occupied: NDArray[np.bool_], px: int, overlap: float) -> Sequence[int]:
    where = np.flatnonzero(occupied)
    if len(where) == 0:
        return ()
    margin = px // 16
    low = max(0, int(where[0]) - margin)
    high = min(len(occupied), int(where[-1]) + 1 + margin)
    span = high - low - px
    if span <= 0:
        return (min(max(0, (low + high - px) // 2), len(occupied) - px),)
    steps = int(np.ceil(span / (px * (1 - overlap))))
    return tuple(round(low + span * i / steps) for i in range(steps + 1))


def not_air(slices: Float32Array) -> NDArray[np.bool_]:
    """Blocks (N, h, w) of slices (N, C, H, W) with any pixel denser than air."""
    return _blocks(slices, np.maximum) > AIR


def denser_than_muscle(slices: Float32Array) -> NDArray[np.bool_]:
    """Blocks (N, h, w) of slices (N, C, H, W) whose mean is denser than muscle.

    The mean of a block holds a quarter of a pixel's noise, and still a cortex of one pixel.
    """
    return _blocks(slices, np.add) > DENSE * BLOCK_PX**2


def _blocks(slices: Float32Array, pool: np.ufunc) -> Float32Array:
    planes = reduce(np.maximum, slices.swapaxes(0, 1))
    tall = reduce(pool, (planes[:, row::BLOCK_PX] for row in range(BLOCK_PX)))
    return np.asarray(reduce(pool, (tall[..., column::BLOCK_PX] for column in range(BLOCK_PX))))


def boxes_around(occupied: NDArray[np.bool_], used: Sequence[Size] = ()) -> list[Box]:
    """Windows around the occupied blocks (N, h, w), with a margin; none for an empty slice.

    The sides of slices and windows are multiples of `STEP_PX`; those of windows are at least
    `LEAST_PX`, or the slice's. Parts of a slice get one window if
    that costs less than several. A window takes one of the sizes `used` before if that wastes
    little. Very large windows are divided into overlapping ones.
    """
    known = list(used)
    boxes: list[Box] = []
    limit = (occupied.shape[1] * BLOCK_PX, occupied.shape[2] * BLOCK_PX)
    for index, blocks in enumerate(occupied):
        for span in _joined(_parts(blocks), limit):
            size = _settled(_size(span, limit), known, limit)
            known.append(size)
            boxes += _divided(_placed(index, span, size, limit))
    return boxes


def cut_off(bone: NDArray[np.bool_], seen: NDArray[np.bool_], boxes: Sequence[Box]) -> list[int]:
    """Slices in which bone (N, H, W) reaches the edge of a window, and no window lies beyond it."""
    return sorted({box.index for box in boxes if _cuts(box, bone[box.index], seen[box.index])})


def _cuts(box: Box, bone: NDArray[np.bool_], seen: NDArray[np.bool_]) -> bool:
    _, _, rows, columns = box.area
    edges = (
        (bone[:, columns], seen[:, columns], rows),
        (bone[rows].T, seen[rows].T, columns),
    )
    return any(
        0 <= beyond < len(inside) and bool((inside[edge] & ~around[beyond]).any())
        for inside, around, span in edges
        for edge, beyond in ((span.start, span.start - 1), (span.stop - 1, span.stop))
    )


def _parts(blocks: NDArray[np.bool_]) -> list[Span]:
    """The places of connected parts with their margins, in pixels."""
    if not blocks.any():
        return []
    reach = 2 * (MARGIN_PX // BLOCK_PX) + 1
    labels, _ = ndimage.label(ndimage.maximum_filter(blocks, reach), np.ones((3, 3)))
    return [(_scaled(rows), _scaled(columns)) for rows, columns in ndimage.find_objects(labels)]


def _scaled(span: slice) -> slice:
    return slice(span.start * BLOCK_PX, span.stop * BLOCK_PX)


def _joined(spans: list[Span], limit: Size) -> list[Span]:
    """Join two parts as long as one window around both costs less than one around each."""
    if len(spans) > MOST_PARTS:
        return [reduce(_hull, spans)]
    while len(spans) > 1:
        pairs = [(one, other, _hull(one, other)) for one, other in combinations(spans, 2)]
        saved = [_cost(a, limit) + _cost(b, limit) - _cost(ab, limit) for a, b, ab in pairs]
        best = int(np.argmax(saved))
        if saved[best] < 0:
            break
        one, other, both = pairs[best]
        spans = [span for span in spans if span is not one and span is not other] + [both]
    return spans


def _hull(one: Span, other: Span) -> Span:
    rows, columns = (
        slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(one, other, strict=True)
    )
    return rows, columns


def _size(span: Span, limit: Size) -> Size:
    """The least rows and columns of a window that holds a span of a slice of size `limit`."""
    rows, columns = (
        min(most, max(LEAST_PX, -(-(part.stop - part.start) // STEP_PX) * STEP_PX))
        for part, most in zip(span, limit, strict=True)
    )
    return rows, columns


def _cost(span: Span, limit: Size) -> int:
    rows, columns = _size(span, limit)
    return rows * columns + CALL_PX


def _settled(size: Size, known: Sequence[Size], limit: Size) -> Size:
    """The smallest size known that holds this one and wastes little; otherwise this one."""
    fitting = [
        (rows * columns, (rows, columns))
        for rows, columns in known
        if size[0] <= rows <= limit[0]
        and size[1] <= columns <= limit[1]
        and rows * columns <= SPARE * size[0] * size[1]
    ]
    return min(fitting)[1] if fitting else size


def _placed(index: int, span: Span, size: Size, limit: Size) -> Box:
    """A window of this size around the middle of a span, inside the slice."""
    top, left = (
        min(max(0, (part.start + part.stop - side) // 2), most - side)
        for part, side, most in zip(span, size, limit, strict=True)
    )
    return Box(index, top, left, *size)


def _divided(box: Box) -> Iterator[Box]:
    """Overlapping parts of a window whose side exceeds `MOST_PX`; otherwise the window."""
    tops, rows = _shares(box.rows)
    lefts, columns = _shares(box.columns)
    for top in tops:
        for left in lefts:
            yield Box(box.index, box.top + top, box.left + left, rows, columns)


def _shares(side: int) -> tuple[list[int], int]:
    """Where equal shares of a side start, and how long they are."""
    count = max(1, -(-(side - OVERLAP_PX) // (MOST_PX - OVERLAP_PX)))
    if side <= MOST_PX:
        return [0], side
    share = -(-(side + (count - 1) * OVERLAP_PX) // count // STEP_PX) * STEP_PX
    return [(side - share) * i // (count - 1) for i in range(count)], share
