"""Surfaces drawn with NumPy alone, for computers without any OpenGL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afunet.geometry import Mesh
from afunet.report.surfaces.coloured_mesh import ColouredMesh
from afunet.report.surfaces.shading import AMBIENT, LAMPS
from afunet.report.surfaces.view import Frame, View

FloatArray = NDArray[np.float64]
_SAMPLES_AT_ONCE = 1_000_000
_SAMPLES_PER_PIXEL = 1.5


def render_with_numpy(
    meshes: Sequence[ColouredMesh], view: View, frame: Frame
) -> NDArray[np.uint8]:
    """Return red, green, blue, alpha (height, width, 4) of closed meshes, without a background."""
    canvas = _Canvas.blank(frame)
    for coloured in meshes:
        colour = np.asarray(coloured.colour, dtype=np.float32)
        for points, normals in _samples(coloured.mesh, view, frame.mm_per_pixel):
            canvas.draw(points, _lit(normals)[:, None] * colour)
    return canvas.rgba()


@dataclass(frozen=True, eq=False)
class _Canvas:
    """A z-buffer: depth and colour of the nearest sample in each pixel, flattened."""

    frame: Frame
    depth: NDArray[np.float32]
    colour: NDArray[np.float32]

    @staticmethod
    def blank(frame: Frame) -> _Canvas:
        pixels = frame.width * frame.height
        depth = np.full(pixels, -np.inf, dtype=np.float32)
        return _Canvas(frame, depth, np.zeros((pixels, 3), dtype=np.float32))

    def draw(self, points_mm: FloatArray, colours: FloatArray) -> None:
        """Draw samples (N, 3), right, up and toward the viewer, where they are nearest."""
        frame = self.frame
        right = (points_mm[:, 0] - frame.centre_right_mm) / frame.mm_per_pixel + frame.width / 2
        down = (frame.centre_up_mm - points_mm[:, 1]) / frame.mm_per_pixel + frame.height / 2
        inside = (right >= 0) & (right < frame.width) & (down >= 0) & (down < frame.height)
        pixel = down[inside].astype(np.int64) * frame.width + right[inside].astype(np.int64)
        depth, colours = points_mm[inside, 2], colours[inside]
        # Samples are written from far to near, so the nearest one of a pixel remains.
        order = np.argsort(depth)
        order = order[depth[order] > self.depth[pixel[order]]]
        self.depth[pixel[order]] = depth[order]
        self.colour[pixel[order]] = colours[order]

    def rgba(self) -> NDArray[np.uint8]:
        """Return red, green, blue, alpha (height, width, 4)."""
        opaque = np.where(np.isfinite(self.depth), 255, 0)[:, None]
        colours = np.clip(self.colour, 0, 255)
        picture = np.concatenate([colours, opaque], axis=1).astype(np.uint8)
        return picture.reshape(self.frame.height, self.frame.width, 4)


def _lit(normals: FloatArray) -> FloatArray:
    """Return the brightness (N,) for unit normals (N, 3) in (right, up, toward the viewer)."""
    brightness = np.full(len(normals), AMBIENT)
    for lamp in LAMPS:
        direction = np.asarray(lamp.position) / np.linalg.norm(lamp.position)
        brightness += lamp.intensity * np.clip(normals @ direction, 0, None)
    return brightness


def _samples(mesh: Mesh, view: View, pixel_mm: float) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Yield points and unit normals on the triangles that face the viewer, dense enough to fill."""
    corners = view.project(mesh.vertices_mm)
    normals = view.project(mesh.vertex_normals())
    a, b, c = (corners[mesh.faces[:, corner]] for corner in range(3))
    seen = mesh.faces[np.cross(b - a, c - a)[:, 2] > 0]
    longest = np.ptp(corners[seen], axis=1)[:, :2].max(axis=1)
    steps = np.ceil(np.maximum(longest / pixel_mm * _SAMPLES_PER_PIXEL, 1))
    levels = 2 ** np.ceil(np.log2(steps)).astype(int)
    for level in np.unique(levels):
        weights = _barycentric(int(level))
        faces = seen[levels == level]
        for part in np.array_split(faces, -(-len(faces) * len(weights) // _SAMPLES_AT_ONCE)):
            points = np.einsum("sk,fkd->fsd", weights, corners[part]).reshape(-1, 3)
            directions = np.einsum("sk,fkd->fsd", weights, normals[part]).reshape(-1, 3)
            length = np.linalg.norm(directions, axis=1, keepdims=True)
            yield points, directions / np.maximum(length, 1e-12)


def _barycentric(steps: int) -> FloatArray:
    """Return weights (S, 3) of points in a triangle whose edges are divided into `steps` parts."""
    first, second = np.meshgrid(np.arange(steps + 1), np.arange(steps + 1), indexing="ij")
    first, second = (part[first + second <= steps] for part in (first, second))
    weights = np.stack([first, second, steps - first - second], axis=1) / steps
    return np.asarray(weights, dtype=np.float64)
