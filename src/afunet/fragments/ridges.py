"""What shows where fragments touch: a network's probability of contact, or dark lines of a scan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from afunet.geometry import Box, Volume

HOLE_MM = 0.6  # evidence is smoothed so far (standard deviation)
LINE_MM, DARK_HU = 5.0, 200.0  # the widest dark line, and how much darker a sure one is
NOISE_HU = 30.0  # trabecular bone is as uneven as this

FloatArray = NDArray[np.float32]
Cell = TypeVar("Cell", bound=np.generic)
Factors = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Ridges:
    """What shows where fragments touch: a probability on any grid, and HU in the piece's box."""

    contact: Volume | None = None
    hu: NDArray[np.number] | None = None

    @property
    def kinds(self) -> tuple[Ridges, ...]:
        """Each kind of evidence that there is alone, the best first."""
        alone = (Ridges(contact=self.contact), Ridges(hu=self.hu))
        return tuple(one for one in alone if one.contact is not None or one.hu is not None)

    def evidence(self, inside: Volume, box: Box, factors: Factors) -> FloatArray | None:
        """Return the evidence from 0 to 1 on a grid, `factors` voxels of the `box` to a cell.

        The probability if there is one. None if there is nothing that shows any.
        """
        if self.contact is not None:
            return _smooth_contact(self.contact, inside)
        if self.hu is not None:
            return _darkness(self.hu[box], inside, factors)
        return None


def _smooth_contact(contact: Volume, inside: Volume) -> FloatArray:
    step = np.linalg.inv(contact.affine) @ inside.affine
    # ndimage counts (slice, row, column), affines (column, row, slice)
    matrix, offset = step[:3, :3][::-1, ::-1], step[:3, 3][::-1]
    values = contact.voxels.astype(np.float32, copy=False)
    found = ndimage.affine_transform(values, matrix, offset, inside.shape, order=1)
    smooth = ndimage.gaussian_filter(found, [HOLE_MM / mm for mm in inside.array_spacing_mm])
    return np.asarray(np.clip(smooth, 0, 1), dtype=np.float32)


def _darkness(hu: NDArray[np.number], inside: Volume, factors: Factors) -> FloatArray:
    """Return how much darker each cell is than its surroundings, from 0 to 1."""
    cells = blocks(hu.astype(np.float32), factors).mean(axis=(1, 3, 5))
    smooth = ndimage.gaussian_filter(cells, [HOLE_MM / mm for mm in inside.array_spacing_mm])
    size = [2 * int(LINE_MM / 2 / mm) + 3 for mm in inside.array_spacing_mm]
    darker = ndimage.grey_closing(smooth, size) - smooth - NOISE_HU
    return np.asarray(np.clip(darker / DARK_HU, 0, 1), dtype=np.float32)


def blocks(voxels: NDArray[Cell], factors: Factors) -> NDArray[Cell]:
    """Return the voxels as (slices, in a cell, rows, in a cell, columns, in a cell).

    The last voxels are repeated to fill a cell.
    """
    short = [(0, -size % factor) for size, factor in zip(voxels.shape, factors, strict=True)]
    padded = np.pad(voxels, short, mode="edge")
    shape = [part for n, f in zip(padded.shape, factors, strict=True) for part in (n // f, f)]
    return padded.reshape(shape)
