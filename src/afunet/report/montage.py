"""Slices in the bone window with the mask drawn on them, as one picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from afunet.geometry import Volume
from afunet.report.coloured_mesh import Colour
from afunet.report.drawing import draw_scale_bar, write
from afunet.report.slice_view import SliceView, slice_position

WINDOW_HU = (-300.0, 1300.0)
_BODY_HU = -300.0
_MARGIN = 0.04
_FILL = 0.16
_GAP = 10
_GROUND: Colour = (13, 16, 21)
_MASK: Colour = (255, 176, 59)
_INK: Colour = (226, 231, 238)
_HALO: Colour = (0, 0, 0)
_LANCZOS, _LINEAR = Image.Resampling.LANCZOS, Image.Resampling.BILINEAR


def overlay_montage(
    volume: Volume,
    mask: Volume,
    *,
    tiles: int = 12,
    columns: int = 4,
    tile_width: int = 360,
    spacing_known: bool = True,
) -> Image.Image:
    """Up to `tiles` evenly spread slices of a HU volume with the 0/1 mask's outline on them.

    The slices run through the mask's extent, or through the volume where the mask is empty,
    cropped to the body, turned so that the patient's right is at the left and anterior (head,
    in sagittal and coronal volumes) is up. Each is labelled with its number, counting the
    volume's slices from 1, and its LPS position; positions and the scale bar are left out where
    the spacing is not known. Holds no identifier and no metadata. Raises `GeometryError` where
    the two grids differ.
    """
    volume.require_same_grid(mask, "the mask")
    chosen = spread_slices(mask.voxels != 0, tiles)
    view = SliceView.of(volume)
    ct, bone = view.turned(volume.voxels[chosen]), view.turned(mask.voxels[chosen] != 0)
    rows, cols = _body_box(ct, bone)
    sheet = _Sheet.fitting(len(chosen), columns, tile_width, view, ct[:, rows, cols].shape[1:])
    canvas = Image.new("RGB", sheet.size, _GROUND)
    for place, index in enumerate(chosen):
        tile = _tile(ct[place, rows, cols], bone[place, rows, cols], sheet.tile)
        words = f"slice {index + 1}"
        if spacing_known:
            words += f" · {slice_position(volume, index)}"
        _label(tile, words, view, sheet.mm_per_pixel if spacing_known else None)
        canvas.paste(tile, sheet.corner(place))
    return canvas


def spread_slices(bone: NDArray[np.bool_], tiles: int) -> list[int]:
    """Evenly spread slice numbers, from the first slice with bone to the last (or of all)."""
    used = np.flatnonzero(bone.any(axis=(1, 2)))
    first, last = (used[0], used[-1]) if len(used) else (0, len(bone) - 1)
    middles = first + (np.arange(tiles) + 0.5) / tiles * (last - first + 1) - 0.5
    return [int(index) for index in np.unique(np.clip(np.rint(middles), first, last))]


@dataclass(frozen=True)
class _Sheet:
    """Where the tiles go, in pixels; `mm_per_pixel` is that of the picture."""

    count: int
    columns: int
    tile: tuple[int, int]
    mm_per_pixel: float

    @staticmethod
    def fitting(
        count: int, columns: int, tile_width: int, view: SliceView, shape: tuple[int, ...]
    ) -> _Sheet:
        """Tiles of square pixels for slices of `shape` (row, column)."""
        width_mm, height_mm = shape[1] * view.right_mm, shape[0] * view.down_mm
        height = max(1, round(tile_width * height_mm / width_mm))
        scale = width_mm / tile_width
        return _Sheet(count, min(columns, count), (tile_width, height), scale)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the whole picture."""
        rows = -(-self.count // self.columns)
        return (
            self.columns * (self.tile[0] + _GAP) + _GAP,
            rows * (self.tile[1] + _GAP) + _GAP,
        )

    def corner(self, place: int) -> tuple[int, int]:
        """Left upper corner of a tile."""
        row, column = divmod(place, self.columns)
        return _GAP + column * (self.tile[0] + _GAP), _GAP + row * (self.tile[1] + _GAP)


def _body_box(ct: NDArray[Any], bone: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Rows and columns that hold body or mask in any slice (slice, row, column), with a margin."""
    # Opening drops what is too thin for a limb: table sheets, tubes and noise.
    body = ndimage.binary_opening(ct > _BODY_HU, structure=np.ones((1, 7, 7)))
    shown = (body | bone).any(axis=0)
    if not shown.any():
        return slice(None), slice(None)
    return _span(shown.any(axis=1)), _span(shown.any(axis=0))


def _span(used: NDArray[np.bool_]) -> slice:
    where = np.flatnonzero(used)
    margin = max(2, round(_MARGIN * (where[-1] - where[0] + 1)))
    return slice(max(0, int(where[0]) - margin), int(where[-1]) + 1 + margin)


def _tile(ct: NDArray[Any], bone: NDArray[np.bool_], size: tuple[int, int]) -> Image.Image:
    """One slice (row, column) in the window, its mask filled lightly and outlined."""
    low, high = WINDOW_HU
    grey = np.clip((ct.astype(np.float32) - low) / (high - low), 0, 1)
    picture = np.asarray(_resized(grey, size, _LANCZOS))[..., None].repeat(3, axis=2)
    inside = np.asarray(_resized(bone.astype(np.float32), size, _LINEAR)) >= 0.5
    outline = inside & ~ndimage.binary_erosion(inside, border_value=1)
    cover = np.where(outline, 1.0, np.where(inside, _FILL, 0.0))[..., None]
    blended = np.clip(picture, 0, 1) * 255 * (1 - cover) + np.asarray(_MASK) * cover
    return Image.fromarray(blended.round().astype(np.uint8))


def _resized(
    values: NDArray[np.float32], size: tuple[int, int], how: Image.Resampling
) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(values)).resize(size, how)


def _label(tile: Image.Image, words: str, view: SliceView, mm_per_pixel: float | None) -> None:
    draw = ImageDraw.Draw(tile)
    width, height = tile.size
    text = max(11.0, width / 26)
    pad = text / 2
    write(draw, (pad, pad), words, size=text, colour=_INK, halo=_HALO)
    left, right, _, _ = view.edge_letters
    for position, letters, anchor in (
        ((pad, height / 2), left, "lm"),
        ((width - pad, height / 2), right, "rm"),
    ):
        write(draw, position, letters, size=1.1 * text, colour=_INK, anchor=anchor, halo=_HALO)
    if mm_per_pixel is not None:
        draw_scale_bar(
            draw,
            (pad, height - pad),
            mm_per_pixel=mm_per_pixel,
            longest_pixels=width / 4,
            size=0.8 * text,
            colour=_INK,
            halo=_HALO,
        )
