"""What shows where fragments touch: a network's probability of contact, or dark lines of a scan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

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
    cells = blocks_of(np.add, hu, factors, np.float32)
    for axis, (size, factor) in enumerate(zip(hu.shape, factors, strict=True)):
        cells /= np.expand_dims(
            np.minimum(factor, size - np.arange(0, size, factor)).astype(np.float32),
            [one for one in range(3) if one != axis],
        )
    smooth = ndimage.gaussian_filter(cells, [HOLE_MM / mm for mm in inside.array_spacing_mm])
    reach = [2 * int(LINE_MM / 2 / mm) + 3 for mm in inside.array_spacing_mm]
    darker = ndimage.grey_closing(smooth, reach) - smooth - NOISE_HU
    return np.asarray(np.clip(darker / DARK_HU, 0, 1), dtype=np.float32)


def blocks_of(
    how: np.ufunc, voxels: NDArray[Any], factors: Factors, kind: type[Cell]
) -> NDArray[Cell]:
    """Return the voxels of each cell put together with `how`; the last cells may have fewer."""
    for axis, factor in enumerate(factors):
        along = np.moveaxis(voxels, axis, 0)
        found = along[::factor].astype(kind)
        for step in range(1, factor):
            more = along[step::factor]
            how(found[: len(more)], more, out=found[: len(more)])
        voxels = np.moveaxis(found, 0, axis)
    return voxels
