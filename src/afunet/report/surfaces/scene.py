"""A picture of surfaces from four sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from afunet.report.drawing import NOT_TO_SCALE, draw_scale_bar, scale_bar_mm, write
from afunet.report.palette import Colour
from afunet.report.surfaces.coloured_mesh import BONE_COLOUR, ColouredMesh
from afunet.report.surfaces.layout import Layout, Panel
from afunet.report.surfaces.software_renderer import render_with_numpy
from afunet.report.surfaces.view import (
    ANTERIOR,
    LATERAL,
    OBLIQUE,
    POSTERIOR,
    Frame,
    orientation_letters,
)
from afunet.report.surfaces.vtk_renderer import render_with_vtk

__all__ = ["BONE_COLOUR", "ColouredMesh", "Renderer", "Scene", "render_scene"]

VIEWS = (ANTERIOR, LATERAL, POSTERIOR, OBLIQUE)
_OVERSAMPLING = 2
_TOP: Colour = (250, 251, 253)
_BOTTOM: Colour = (216, 223, 232)
_INK: Colour = (52, 62, 76)
_QUIET: Colour = (112, 124, 140)


class Renderer(StrEnum):
    """What drew the surfaces: VTK, NumPy if VTK finds no OpenGL, or nothing if there are none."""

    VTK = "vtk"
    SOFTWARE = "software"
    NONE = "none"


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture and the renderer that drew it."""

    image: Image.Image
    renderer: Renderer


def render_scene(
    meshes: Sequence[ColouredMesh],
    *,
    size: tuple[int, int] = (1280, 1040),
    spacing_known: bool = True,
    orientation_known: bool = True,
) -> Scene:
    """Draw closed surfaces in parallel projection from the front, left, back and obliquely.

    All views share one scale, shown by a bar under each; if the spacing is unknown, the picture
    says that it is not to scale. The patient's sides are named if the orientation is known. `size`
    is (width, largest height) in pixels; the picture is lower if that is enough. Without any
    triangle the picture says so. VTK draws, or NumPy if VTK finds no OpenGL.
    """
    shown = [coloured for coloured in meshes if not coloured.mesh.is_empty]
    if not shown:
        canvas = _backdrop((size[0], size[1] // 3))
        middle = (size[0] / 2, size[1] / 6)
        write(ImageDraw.Draw(canvas), middle, "no surface", size=28, colour=_QUIET, anchor="mm")
        return Scene(canvas, Renderer.NONE)
    points_mm = np.concatenate([coloured.mesh.vertices_mm for coloured in shown])
    layout = Layout(*size).fitted(VIEWS, points_mm)
    canvas = _backdrop((layout.width, layout.height))
    panels = layout.panels(VIEWS, points_mm)
    pictures, renderer = _render(shown, [_enlarged(panel.frame) for panel in panels])
    for panel, picture in zip(panels, pictures, strict=True):
        small = _reduced(picture)
        canvas.paste(small, (panel.left, panel.top), small)
    draw = ImageDraw.Draw(canvas)
    if orientation_known:
        for panel in panels:
            _label_panel(draw, layout, panel)
    longest = min(panel.frame.width for panel in panels) / 4 if spacing_known else None
    for panel in panels:
        _draw_scale(draw, layout, panel, longest)
    if len(shown) > 1:
        _write_legend(draw, layout, shown)
    return Scene(canvas, renderer)


def _render(
    meshes: Sequence[ColouredMesh], frames: Sequence[Frame]
) -> tuple[list[NDArray[np.uint8]], Renderer]:
    pictures = render_with_vtk(meshes, VIEWS, frames)
    if pictures is not None:
        return pictures, Renderer.VTK
    drawn = zip(VIEWS, frames, strict=True)
    return [render_with_numpy(meshes, view, frame) for view, frame in drawn], Renderer.SOFTWARE


def _enlarged(frame: Frame) -> Frame:
    """Return the same frame with more pixels, which are averaged later for smooth edges."""
    return Frame(
        frame.centre_right_mm,
        frame.centre_up_mm,
        frame.mm_per_pixel / _OVERSAMPLING,
        frame.width * _OVERSAMPLING,
        frame.height * _OVERSAMPLING,
    )


def _reduced(picture: NDArray[np.uint8]) -> Image.Image:
    """Return the mean of each block of pixels, weighted by alpha."""
    return Image.fromarray(picture).convert("RGBa").reduce(_OVERSAMPLING).convert("RGBA")


def _backdrop(size: tuple[int, int]) -> Image.Image:
    """Return a soft vertical gradient."""
    width, height = size
    down = np.linspace(0, 1, height)[:, None]
    column = np.asarray(_TOP) * (1 - down) + np.asarray(_BOTTOM) * down
    rows = np.repeat(column.round().astype(np.uint8)[:, None], width, axis=1)
    return Image.fromarray(rows)


def _draw_scale(
    draw: ImageDraw.ImageDraw, layout: Layout, panel: Panel, longest_pixels: float | None
) -> None:
    """Draw a scale bar under the caption of a panel, or "not to scale" if there is no spacing."""
    bottom = panel.bottom + layout.strip - 0.9 * layout.text
    if longest_pixels is None:
        place = (panel.middle[0], bottom)
        write(draw, place, NOT_TO_SCALE, size=layout.text, colour=_INK, anchor="md")
        return
    mm_per_pixel = panel.frame.mm_per_pixel
    length = scale_bar_mm(longest_pixels * mm_per_pixel) / mm_per_pixel
    draw_scale_bar(
        draw,
        (panel.middle[0] - length / 2, bottom),
        mm_per_pixel=mm_per_pixel,
        longest_pixels=longest_pixels,
        size=layout.text,
        colour=_INK,
    )


def _label_panel(draw: ImageDraw.ImageDraw, layout: Layout, panel: Panel) -> None:
    """Write the caption under a panel, and the patient's sides around the surface."""
    view, text = panel.view, layout.text
    x, y = panel.middle
    beside, over = (span / 2 + text for span in panel.span_pixels)
    caption = (x, panel.bottom + 0.8 * text)
    write(draw, caption, view.name, size=text, colour=_QUIET, anchor="mm")
    for position, direction, anchor in (
        ((x - beside, y), -view.right, "rm"),
        ((x + beside, y), view.right, "lm"),
        ((x, y - over), view.up, "mb"),
        ((x, y + over), -view.up, "mt"),
    ):
        letters = orientation_letters(direction)
        write(draw, position, letters, size=1.1 * text, colour=_INK, anchor=anchor)


def _write_legend(
    draw: ImageDraw.ImageDraw, layout: Layout, meshes: Sequence[ColouredMesh]
) -> None:
    """Write as many names as fit in a row, and how many more there are."""
    text = layout.text
    left, middle = text, layout.strip / 2
    for number, coloured in enumerate(meshes):
        rest = f"and {len(meshes) - number} more"
        room = layout.width - draw.textlength(rest, font_size=text) - 2 * text
        if left + 3 * text + draw.textlength(coloured.name, font_size=text) > room:
            write(draw, (left, middle), rest, size=text, colour=_QUIET, anchor="lm")
            return
        box = (left, middle - text / 2, left + text, middle + text / 2)
        draw.rounded_rectangle(box, radius=text / 4, fill=coloured.colour, outline=_QUIET)
        place = (left + 1.5 * text, middle)
        write(draw, place, coloured.name, size=text, colour=_INK, anchor="lm")
        left += 3 * text + draw.textlength(coloured.name, font_size=text)
