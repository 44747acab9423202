"""Slices turned to the usual radiological view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afunet.geometry import Volume
from afunet.report.surfaces.view import orientation_letters

FloatArray = NDArray[np.float64]
# For each LPS axis (0 x, 1 y, 2 z) along which slices are stacked: the axes and signs that point
# right and down in the picture. Axial and coronal: the patient's left at the right; axial: anterior
# up; sagittal: anterior at the left; sagittal and coronal: head up.
_RIGHT_DOWN = {0: (1, 1, 2, -1), 1: (0, 1, 2, -1), 2: (0, 1, 1, 1)}


@dataclass(frozen=True, eq=False)
class SliceView:
    """How one volume's slices are turned: rows and columns swapped, then reversed.

    `right` and `down` are the LPS unit vectors (3,) of the picture's axes, `right_mm` and
    `down_mm` its pixels' spacing along them.
    """

    swapped: bool
    reverse_rows: bool
    reverse_columns: bool
    right: FloatArray
    down: FloatArray
    right_mm: float
    down_mm: float

    @staticmethod
    def of(volume: Volume) -> SliceView:
        """Return the view closest to the usual one, also for oblique slices."""
        axes, spacing = volume.directions, volume.spacing_mm
        stack = _main_axis(np.cross(axes[:, 0], axes[:, 1]))
        right_axis, right_sign, down_axis, down_sign = _RIGHT_DOWN[stack]
        swapped = abs(axes[right_axis, 0]) < abs(axes[right_axis, 1])
        across, along = (1, 0) if swapped else (0, 1)
        reverse_columns = bool(axes[right_axis, across] * right_sign < 0)
        reverse_rows = bool(axes[down_axis, along] * down_sign < 0)
        return SliceView(
            swapped=bool(swapped),
            reverse_rows=reverse_rows,
            reverse_columns=reverse_columns,
            right=axes[:, across] * (-1 if reverse_columns else 1),
            down=axes[:, along] * (-1 if reverse_rows else 1),
            right_mm=float(spacing[across]),
            down_mm=float(spacing[along]),
        )

    def turned(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Return a slice (row, column), or a stack of slices, turned as in the picture."""
        turned = np.swapaxes(pixels, -1, -2) if self.swapped else pixels
        turned = turned[..., ::-1, :] if self.reverse_rows else turned
        return turned[..., ::-1] if self.reverse_columns else turned

    @property
    def edge_letters(self) -> tuple[str, str, str, str]:
        """Return the sides of the patient at the picture's left, right, top and bottom edge."""
        directions = (-self.right, self.right, -self.down, self.down)
        left, right, top, bottom = (orientation_letters(direction) for direction in directions)
        return left, right, top, bottom


def slice_position(volume: Volume, index: int) -> str:
    """Return a slice's position along the LPS axis closest to the stack's: "z -84 mm"."""
    axes = volume.directions
    axis = _main_axis(np.cross(axes[:, 0], axes[:, 1]))
    _, rows, columns = volume.shape
    centre = volume.to_mm([(columns - 1) / 2, (rows - 1) / 2, index])
    return f"{'xyz'[axis]} {centre[axis]:.0f} mm"


def _main_axis(direction: FloatArray) -> int:
    return int(np.argmax(np.abs(direction)))
