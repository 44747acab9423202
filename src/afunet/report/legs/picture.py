"""A projection of a leg as a picture of its bones with lines above it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image

from afunet.anatomy.bones import Bone, Side
from afunet.geometry import Mesh
from afunet.report.legs.projections import Leg, Projection, view_of
from afunet.report.palette import colour_of
from afunet.report.surfaces.coloured_mesh import ColouredMesh
from afunet.report.surfaces.preview import previews
from afunet.report.surfaces.software_renderer import render_with_numpy
from afunet.report.surfaces.view import Frame

LINE_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")
"""Of Okabe and Ito, for people with and without red, green or blue cones."""
MOST_PIXELS, MARGIN_MM, TRIANGLES = 440, 12.0, 40_000


@dataclass(frozen=True)
class PictureLine:
    """A line in pixels from the left top, with its colour and its title."""

    title: str
    colour: str
    start: tuple[float, float]
    end: tuple[float, float]


@dataclass(frozen=True)
class LegPicture:
    """A picture as base64 of a PNG, its size in pixels, its scale, and the lines above it."""

    title: str
    png: str
    width: int
    height: int
    mm_per_pixel: float
    lines: tuple[PictureLine, ...]


def leg_picture(
    projection: Projection, leg: Leg, meshes: Mapping[Bone, Mesh], side: Side
) -> LegPicture | None:
    """Draw the bones and the lines of what was found; None if the view is not known."""
    view = view_of(projection, leg, side)
    shown = [
        ColouredMesh(meshes[bone], bone, colour_of(bone, side=side))
        for bone in projection.bones
        if bone in meshes
    ]
    if view is None or not shown:
        return None
    corners = np.concatenate([view.project(one.mesh.vertices_mm) for one in shown])[:, :2]
    frame = _frame(corners.min(axis=0), corners.max(axis=0))
    rgba = render_with_numpy(previews(shown, TRIANGLES), view, frame)

    def pixel(point: np.ndarray) -> tuple[float, float]:
        right, up, _ = view.project(point[None])[0]
        return (
            round((right - frame.centre_right_mm) / frame.mm_per_pixel + frame.width / 2, 1),
            round((frame.centre_up_mm - up) / frame.mm_per_pixel + frame.height / 2, 1),
        )

    lines = tuple(
        PictureLine(title, LINE_COLOURS[number], pixel(ends[0]), pixel(ends[1]))
        for number, title, ends in projection.shown(leg)
    )
    return LegPicture(
        projection.title, _png(rgba), frame.width, frame.height, frame.mm_per_pixel, lines
    )


def leg_pictures(
    projections: Sequence[Projection], leg: Leg, meshes: Mapping[Bone, Mesh], side: Side
) -> list[LegPicture]:
    """Draw every projection whose view is known."""
    drawn = (leg_picture(one, leg, meshes, side) for one in projections)
    return [one for one in drawn if one is not None]


def _frame(low: np.ndarray, high: np.ndarray) -> Frame:
    size_mm = high - low + 2 * MARGIN_MM
    mm_per_pixel = float(size_mm.max()) / MOST_PIXELS
    width, height = np.ceil(size_mm / mm_per_pixel).astype(int)
    right, up = (low + high) / 2
    return Frame(float(right), float(up), mm_per_pixel, int(width), int(height))


def _png(rgba: np.ndarray) -> str:
    buffer = BytesIO()
    Image.fromarray(rgba).save(buffer, "PNG", optimize=False)
    return base64.b64encode(buffer.getvalue()).decode()
