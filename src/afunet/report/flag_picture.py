"""The slice that a flag is about, small, with the mask's outline and the place marked."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ImageDraw

from afunet.report.montage import slice_tile
from afunet.report.palette import Colour

WIDTH = 300
_MARK: Colour = (86, 215, 255)
_COLOURS = 128
_MARGIN = 0.15
_LEAST_PX = 48

Box = tuple[int, int, int, int]


def flag_picture(
    hu: NDArray[Any], bone: NDArray[np.bool_], box: Box | None, pixel_mm: tuple[float, float]
) -> bytes:
    """PNG of an axial slice (row, column) in HU, cropped to its bone and `box`, which is marked.

    `pixel_mm` is the (row, column) size of a pixel. Rows go to the patient's back, columns to his
    left, as radiologists look at it.
    """
    top, left, bottom, right = _shown(bone, box)
    shown = (slice(top, bottom), slice(left, right))
    height_mm, width_mm = (bottom - top) * pixel_mm[0], (right - left) * pixel_mm[1]
    scale = WIDTH / max(height_mm, width_mm)
    size = max(1, round(width_mm * scale)), max(1, round(height_mm * scale))
    tile = slice_tile(hu[shown], bone[shown], size)
    if box is not None:
        across, down = scale * pixel_mm[1], scale * pixel_mm[0]
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
    """The part of the slice that holds bone and box, with a margin; all of it without either."""
    rows, columns = np.nonzero(bone)
    corners = [] if len(rows) == 0 else [(rows.min(), columns.min(), rows.max(), columns.max())]
    corners += [] if box is None else [(box[0], box[1], box[2] - 1, box[3] - 1)]
    if not corners:
        return 0, 0, *bone.shape
    top, left = (int(min(corner[axis] for corner in corners)) for axis in (0, 1))
    bottom, right = (int(max(corner[axis] for corner in corners)) + 1 for axis in (2, 3))
    spare = max(round(_MARGIN * max(bottom - top, right - left)), 4)
    down = max(spare, (_LEAST_PX - (bottom - top) + 1) // 2)
    across = max(spare, (_LEAST_PX - (right - left) + 1) // 2)
    return (
        max(0, top - down),
        max(0, left - across),
        min(bone.shape[0], bottom + down),
        min(bone.shape[1], right + across),
    )
