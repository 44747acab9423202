"""Text and scale bars on pictures, in one style."""

from __future__ import annotations

from PIL import ImageDraw, ImageFont

from afunet.report.palette import Colour

_BAR_LENGTHS_MM = (1, 2, 5, 10, 20, 50, 100, 200, 500)
_BAR_PIXELS = 3
NOT_TO_SCALE = "not to scale"
"""The text in place of a scale bar if the voxel size is unknown."""


def write(
    draw: ImageDraw.ImageDraw,
    position: tuple[float, float],
    words: str,
    *,
    size: float,
    colour: Colour,
    anchor: str = "la",
    halo: Colour | None = None,
) -> None:
    """Write `words` in Pillow's own font; `anchor` as in Pillow, `halo` the outline's colour."""
    draw.text(
        position,
        words,
        font=ImageFont.load_default(size),
        fill=colour,
        anchor=anchor,
        stroke_width=0 if halo is None else 2,
        stroke_fill=halo,
    )


def scale_bar_mm(longest_mm: float) -> int:
    """Return the longest round length up to `longest_mm`; 1 mm at least."""
    return max((length for length in _BAR_LENGTHS_MM if length <= longest_mm), default=1)


def length_text(length_mm: float) -> str:
    """Return a length in mm, or in cm from 10 mm on: "5 mm", "2 cm"."""
    return f"{length_mm:g} mm" if length_mm < 10 else f"{length_mm / 10:g} cm"


def draw_scale_bar(
    draw: ImageDraw.ImageDraw,
    left_bottom: tuple[float, float],
    *,
    mm_per_pixel: float,
    longest_pixels: float,
    size: float,
    colour: Colour,
    halo: Colour | None = None,
) -> None:
    """Draw a bar of a round length from its left end, with its length written above it."""
    length_mm = scale_bar_mm(longest_pixels * mm_per_pixel)
    left, bottom = left_bottom
    right = left + length_mm / mm_per_pixel
    if halo is not None:
        draw.rectangle((left - 1, bottom - _BAR_PIXELS - 1, right + 1, bottom + 1), fill=halo)
    draw.rectangle((left, bottom - _BAR_PIXELS, right, bottom), fill=colour)
    middle = ((left + right) / 2, bottom - _BAR_PIXELS - 3)
    write(draw, middle, length_text(length_mm), size=size, colour=colour, anchor="md", halo=halo)
