"""A small picture of the slice that a flag is about, with the mask's outline and a marked box."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ImageDraw

from afunet.report.case.montage import slice_tile
from afunet.report.palette import Colour

WIDTH, HEIGHT = 300, 250
_MARK: Colour = (86, 215, 255)
_COLOURS = 128
_MARGIN = 0.15
_LEAST_PX = 48
# How much is shown around a marked box: this share of the bone's extent, this multiple of the box.
_AROUND, _TIMES = 0.6, 3.0

Box = tuple[int, int, int, int]
NO_LINE = np.empty((0, 2))


def flag_picture(
    hu: NDArray[Any],
    bone: NDArray[np.bool_],
    box: Box | None,
    pixel_mm: tuple[float, float],
    line: NDArray[np.float64] = NO_LINE,
) -> bytes:
    """Return a PNG of an axial slice (row, column) in HU, cut to its bone or to the marked `box`.

    `pixel_mm` is the (row, column) size of a pixel. Rows go to the patient's back and columns to
    the patient's left, as in the usual radiological view. The points (N, 2) of a `line`, (row,
    column), are marked instead of the box around them, small enough to see what is between them.
    """
    top, left, bottom, right = _filling(_shown(bone, box), pixel_mm, bone.shape)
    shown = (slice(top, bottom), slice(left, right))
    height_mm, width_mm = (bottom - top) * pixel_mm[0], (right - left) * pixel_mm[1]
    scale = min(WIDTH / width_mm, HEIGHT / height_mm)
    size = max(1, round(width_mm * scale)), max(1, round(height_mm * scale))
    tile = slice_tile(hu[shown], bone[shown], size)
    across, down = scale * pixel_mm[1], scale * pixel_mm[0]
    for row, column in line:
        at = round((column - left + 0.5) * across), round((row - top + 0.5) * down)
        ImageDraw.Draw(tile).rectangle((*at, at[0] + 1, at[1] + 1), fill=_MARK)
    if box is not None and len(line) == 0:
        corners = (
            max(0, round((box[1] - left) * across) - 3),
            max(0, round((box[0] - top) * down) - 3),
            min(size[0] - 1, round((box[3] - left) * across) + 2),
            min(size[1] - 1, round((box[2] - top) * down) + 2),
        )
        ImageDraw.Draw(tile).rectangle(corners, outline=_MARK, width=2)
    buffer = BytesIO()
    tile.quantize(_COLOURS).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def _shown(bone: NDArray[np.bool_], box: Box | None) -> Box:
    """Return the part to show: a square around the box if bone is in it, else box and bone.

    Without bone it is the square around the box, or the whole slice without a box.
    """
    rows, columns = np.nonzero(bone)
    if len(rows) == 0:
        return (0, 0, *bone.shape) if box is None else _round(box, _LEAST_PX)
    around = (int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1)
    if box is not None:
        near = _round(box, _AROUND * _longest(around))
        if _pixels(bone, near) > _pixels(bone, box):
            return near
        top, left = min(around[0], box[0]), min(around[1], box[1])
        around = (top, left, max(around[2], box[2]), max(around[3], box[3]))
    spare = 2 * max(round(_MARGIN * _longest(around)), 4)
    height, width = around[2] - around[0], around[3] - around[1]
    return _grown(around, [max(height + spare, _LEAST_PX), max(width + spare, _LEAST_PX)])


def _pixels(bone: NDArray[np.bool_], box: Box) -> int:
    return int(bone[max(box[0], 0) : box[2], max(box[1], 0) : box[3]].sum())


def _longest(box: Box) -> int:
    return max(box[2] - box[0], box[3] - box[1])


def _round(box: Box, least: float) -> Box:
    """Return a square around the box, of which the box fills at most a third of each side."""
    length = max(least, _TIMES * _longest(box), _LEAST_PX)
    return _grown(box, [length, length])


def _filling(box: Box, pixel_mm: tuple[float, float], shape: tuple[int, ...]) -> Box:
    """Return the box enlarged to the picture's shape, as far as the slice allows."""
    height_mm, width_mm = (box[2] - box[0]) * pixel_mm[0], (box[3] - box[1]) * pixel_mm[1]
    height_mm, width_mm = (
        max(height_mm, width_mm * HEIGHT / WIDTH),
        max(width_mm, height_mm * WIDTH / HEIGHT),
    )
    return _within(_grown(box, [height_mm / pixel_mm[0], width_mm / pixel_mm[1]]), shape)


def _grown(box: Box, lengths: Sequence[float]) -> Box:
    """Return a box of these (row, column) lengths with the same centre."""
    middle = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    top, left = (round(at - length / 2) for at, length in zip(middle, lengths, strict=True))
    return top, left, top + round(lengths[0]), left + round(lengths[1])


def _within(box: Box, shape: tuple[int, ...]) -> Box:
    """Return the box moved into the slice, and cut if it is larger than the slice."""
    spans = []
    for axis in (0, 1):
        length = min(box[axis + 2] - box[axis], shape[axis])
        start = min(max(box[axis], 0), shape[axis] - length)
        spans.append((start, start + length))
    return spans[0][0], spans[1][0], spans[0][1], spans[1][1]
