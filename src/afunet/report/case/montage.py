"""One picture of slices in the bone window with the mask's outline."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from afunet.errors import ConfigError
from afunet.geometry import Volume
from afunet.preprocessing import BONE_WINDOW
from afunet.report.case.contact_sheet import ContactSheet
from afunet.report.case.slice_view import SliceView, slice_position
from afunet.report.drawing import NOT_TO_SCALE, draw_scale_bar, write
from afunet.report.palette import Colour

_BODY_HU = -300.0
_LIMB_SHARE = 0.1
_MARGIN = 0.03
_FILL = 0.16
_GROUND: Colour = (13, 16, 21)
_MASK: Colour = (255, 104, 64)
_INK: Colour = (226, 231, 238)
_QUIET: Colour = (128, 138, 152)
_HALO: Colour = (0, 0, 0)


def overlay_montage(
    volume: Volume,
    mask: Volume,
    *,
    tiles: int = 12,
    width: int = 1480,
    spacing_known: bool = True,
    orientation_known: bool = True,
) -> Image.Image:
    """Draw up to `tiles` evenly spread slices of a HU volume with the 0/1 mask's outline.

    The slices are spread over the mask's extent, or over the volume if the mask is empty. They are
    cropped to the body and turned so that the patient's right is at the left and anterior (head,
    in sagittal and coronal volumes) is up. Each is labelled with its number, counting the volume's
    slices from 1, and its LPS position. If the spacing is unknown, positions are left out and the
    picture says that it is not to scale; if the orientation is unknown, the patient's sides are
    left out. The picture holds no identifier and no metadata. Raises `GeometryError` if the two
    grids differ and `ConfigError` for fewer than one tile.
    """
    volume.require_same_grid(mask, "the mask")
    chosen = spread_slices(mask.voxels != 0, tiles)
    view = SliceView.of(volume)
    ct, bone = view.turned(volume.voxels[chosen]), view.turned(mask.voxels[chosen] != 0)
    rows, columns = _body_box(ct, bone)
    ct, bone = ct[:, rows, columns], bone[:, rows, columns]
    width_mm, height_mm = ct.shape[2] * view.right_mm, ct.shape[1] * view.down_mm
    sheet = ContactSheet.fitting(len(chosen), width, height_mm / width_mm)
    canvas = Image.new("RGB", sheet.size, _GROUND)
    draw = ImageDraw.Draw(canvas)
    for place, index in enumerate(chosen):
        tile = slice_tile(ct[place], bone[place], sheet.tile)
        if orientation_known:
            _mark_sides(tile, view, sheet.text)
        canvas.paste(tile, sheet.corner(place))
        position = f" · {slice_position(volume, index)}" if spacing_known else ""
        caption = f"slice {index + 1}{position}"
        write(draw, sheet.caption(place), caption, size=sheet.text, colour=_INK, anchor="lm")
    _write_footer(draw, sheet, width_mm / sheet.tile[0] if spacing_known else None)
    return canvas


def spread_slices(bone: NDArray[np.bool_], tiles: int) -> list[int]:
    """Return evenly spread slice indices from the first to the last slice with bone, or of all."""
    if tiles < 1:
        raise ConfigError(f"a montage needs one tile or more, got {tiles}")
    used = np.flatnonzero(bone.any(axis=(1, 2)))
    first, last = (used[0], used[-1]) if len(used) else (0, len(bone) - 1)
    middles = first + (np.arange(tiles) + 0.5) / tiles * (last - first + 1) - 0.5
    return [int(index) for index in np.unique(np.clip(np.rint(middles), first, last))]


def _body_box(ct: NDArray[Any], bone: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return the rows and columns that hold limb or mask in any slice, with a margin."""
    # Opening removes what is too thin for a limb: table sheets, tubes and noise.
    body = ndimage.binary_opening(ct > _BODY_HU, structure=np.ones((1, 7, 7)))
    shown = np.any(bone | _limbs(body, bone), axis=0)
    if not shown.any():
        return slice(None), slice(None)
    return _span(np.any(shown, axis=1)), _span(np.any(shown, axis=0))


def _limbs(body: NDArray[np.bool_], bone: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the body's parts that hold bone in their slice; the large parts if there is none."""
    in_plane = np.zeros((3, 3, 3), dtype=bool)
    in_plane[1] = True
    parts, count = ndimage.label(body, structure=in_plane)
    sizes = np.bincount(parts.reshape(-1), minlength=count + 1)
    sizes[0] = 0
    kept = np.bincount(parts[bone], minlength=count + 1) > 0
    if not kept[1:].any():
        kept = sizes > _LIMB_SHARE * sizes.max()
    kept[0] = False
    return np.asarray(kept[parts], dtype=np.bool_)


def _span(used: NDArray[np.bool_]) -> slice:
    where = np.flatnonzero(used)
    margin = max(3, round(_MARGIN * (where[-1] - where[0] + 1)))
    return slice(max(0, int(where[0]) - margin), int(where[-1]) + 1 + margin)


def slice_tile(ct: NDArray[Any], bone: NDArray[np.bool_], size: tuple[int, int]) -> Image.Image:
    """Draw one slice (row, column) in the bone window with a light fill and outline of its mask."""
    grey = np.clip(_resized(BONE_WINDOW.to_unit(ct), size, Image.Resampling.LANCZOS), 0, 1)
    inside = _resized(bone.astype(np.float32), size, Image.Resampling.BILINEAR) >= 0.5
    outline = inside & ~ndimage.binary_erosion(inside, border_value=1)
    cover = np.where(outline, 1.0, np.where(inside, _FILL, 0.0))[..., None]
    blended = grey[..., None] * 255 * (1 - cover) + np.asarray(_MASK) * cover
    return Image.fromarray(blended.round().astype(np.uint8))


def _resized(
    values: NDArray[np.float32], size: tuple[int, int], how: Image.Resampling
) -> NDArray[np.float32]:
    return np.asarray(Image.fromarray(np.ascontiguousarray(values)).resize(size, how))


def _mark_sides(tile: Image.Image, view: SliceView, text: float) -> None:
    draw = ImageDraw.Draw(tile)
    width, height = tile.size
    left, right, _, _ = view.edge_letters
    for position, letters, anchor in (
        ((text / 2, height / 2), left, "lm"),
        ((width - text / 2, height / 2), right, "rm"),
    ):
        write(draw, position, letters, size=text, colour=_INK, anchor=anchor, halo=_HALO)


def _write_footer(
    draw: ImageDraw.ImageDraw, sheet: ContactSheet, mm_per_pixel: float | None
) -> None:
    left, middle = sheet.footer
    low, high = BONE_WINDOW.low_hu, BONE_WINDOW.high_hu
    words = f"bone window {low:.0f} to {high:.0f} HU"
    end = (sheet.width - left, middle)
    write(draw, end, words, size=0.9 * sheet.text, colour=_QUIET, anchor="rm")
    if mm_per_pixel is None:
        write(draw, sheet.footer, NOT_TO_SCALE, size=0.9 * sheet.text, colour=_INK, anchor="lm")
    else:
        draw_scale_bar(
            draw,
            (left, middle + sheet.text * 0.6),
            mm_per_pixel=mm_per_pixel,
            longest_pixels=sheet.tile[0] / 3,
            size=0.9 * sheet.text,
            colour=_INK,
        )
