"""Convert a mask slice to closed outlines and back, exactly to the pixel.

Outlines run halfway between pixel centres (marching squares at 0.5), so that the centres inside
them are exactly the mask's pixels. A channel of zero width connects each hole to its outline: the
keyhole of PS3.3 C.8.8.6.3, which every reader understands.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkFiltersCore import vtkFlyingEdges2D, vtkStripper

Ring = NDArray[np.float64]
"""Points (N, 2) of a closed outline as (column, row); the first is not repeated."""


def outlines(mask: NDArray[np.uint8]) -> list[Ring]:
    """Return the outlines of a 0/1 mask (rows, columns), each with its holes, in pixel indices."""
    rings = _rings(mask)
    inside = [
        [other for other, ring in enumerate(rings) if other != one and contains(ring, points[0])]
        for one, points in enumerate(rings)
    ]
    outer = [one for one in range(len(rings)) if len(inside[one]) % 2 == 0]
    found = []
    for one in outer:
        deep = len(inside[one]) + 1
        holes = [
            ring for ring, of in zip(rings, inside, strict=True) if one in of and len(of) == deep
        ]
        found.append(_with_keyholes(rings[one], holes))
    return found


def filled(rings: Sequence[Ring], rows: int, columns: int) -> NDArray[np.uint8]:
    """Return the mask of pixel centres inside an odd number of outlines (even-odd rule)."""
    mask = np.zeros((rows, columns), dtype=bool)
    centres = np.arange(columns)
    for ring in rings:
        low = int(max(np.ceil(ring[:, 1].min()), 0))
        high = int(min(np.floor(ring[:, 1].max()), rows - 1))
        for row in range(low, high + 1):
            passed = np.searchsorted(np.sort(_crossings(ring, row)), centres)
            mask[row] ^= passed % 2 == 1
    return mask.astype(np.uint8)


def contains(ring: Ring, point: NDArray[np.float64]) -> bool:
    """Whether a point lies inside a closed outline."""
    column, row = point
    return bool((_crossings(ring, row) > column).sum() % 2)


def _crossings(ring: Ring, row: float) -> NDArray[np.float64]:
    """The columns at which an outline crosses a row."""
    start, end = ring, np.roll(ring, -1, axis=0)
    crosses = (start[:, 1] <= row) != (end[:, 1] <= row)
    first, last = start[crosses], end[crosses]
    part = (row - first[:, 1]) / (last[:, 1] - first[:, 1])
    return np.asarray(first[:, 0] + part * (last[:, 0] - first[:, 0]))


def _rings(mask: NDArray[np.uint8]) -> list[Ring]:
    """All closed outlines, of both pieces and holes."""
    padded = np.pad(mask > 0, 1).astype(np.uint8)
    rows, columns = padded.shape
    image = vtkImageData()
    image.SetDimensions(columns, rows, 1)
    image.GetPointData().SetScalars(numpy_to_vtk(padded.ravel(), deep=True))
    edges = vtkFlyingEdges2D()
    edges.SetInputData(image)
    edges.SetValue(0, 0.5)
    stripper = vtkStripper()
    stripper.SetInputConnection(edges.GetOutputPort())
    stripper.SetMaximumLength(int(padded.size) + 2)
    stripper.JoinContiguousSegmentsOn()
    stripper.Update()
    output = stripper.GetOutput()
    if output.GetNumberOfLines() == 0:
        return []
    points = vtk_to_numpy(output.GetPoints().GetData())[:, :2].astype(np.float64) - 1
    lines = output.GetLines()
    offsets = vtk_to_numpy(lines.GetOffsetsArray())
    ids = vtk_to_numpy(lines.GetConnectivityArray())
    return [_without_straights(points[ids[a:b][:-1]]) for a, b in pairwise(offsets)]


def _without_straights(ring: Ring) -> Ring:
    """The same outline without points in the middle of straight segments."""
    before, after = ring - np.roll(ring, 1, axis=0), np.roll(ring, -1, axis=0) - ring
    turns = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    return ring[np.abs(turns) > 1e-9]


def _with_keyholes(ring: Ring, holes: Sequence[Ring]) -> Ring:
    for hole in holes:
        apart = np.linalg.norm(ring[:, None] - hole[None], axis=2)
        at, start = np.unravel_index(int(apart.argmin()), apart.shape)
        there = np.roll(hole, -int(start), axis=0)
        ring = np.concatenate([ring[: at + 1], there, there[:1], ring[at:]])
    return ring
