"""A CT volume: voxels and their position in the patient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from afunet.errors import GeometryError
from afunet.geometry.tolerances import OWN_GRID_MM

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Volume:
    """Voxels of shape (slice, row, column) and the affine that places them.

    `affine` (4, 4) maps homogeneous (column, row, slice) indices of voxel centres to LPS
    millimetres, DICOM's patient frame: x to the patient's left, y to the back, z to the head
    (DICOM PS3.3 C.7.6.2.1.1). Raises `GeometryError` unless there are three axes, for a singular
    affine and for an affine with values that are not finite.
    """

    voxels: NDArray[Any]
    affine: FloatArray

    def __post_init__(self) -> None:
        if not isinstance(self.voxels, np.ndarray):
            raise GeometryError(
                f"voxels are a {type(self.voxels).__name__}, expected a NumPy array: convert them",
                code="BAD_SHAPE",
            )
        affine = _numbers(self.affine)
        if self.voxels.ndim != 3 or 0 in self.voxels.shape:
            raise GeometryError(
                f"a volume needs (slice, row, column) voxels, got shape {self.voxels.shape}",
                code="BAD_SHAPE",
            )
        if affine.shape != (4, 4) or not np.isfinite(affine).all():
            raise GeometryError(
                f"a volume needs a finite 4×4 affine, got {affine.tolist()}", code="BAD_AFFINE"
            )
        if not np.array_equal(affine[3], (0.0, 0.0, 0.0, 1.0)):
            raise GeometryError(
                f"the last row of the affine is {affine[3].tolist()}, expected [0, 0, 0, 1]",
                code="BAD_AFFINE",
            )
        steps_mm = np.linalg.norm(affine[:3, :3], axis=0)
        if not steps_mm.all() or abs(np.linalg.det(affine[:3, :3] / steps_mm)) < 1e-6:
            raise GeometryError(
                "the affine is singular: two voxel axes point the same way", code="BAD_AFFINE"
            )
        affine.setflags(write=False)
        object.__setattr__(self, "affine", affine)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of (slices, rows, columns)."""
        slices, rows, columns = self.voxels.shape
        return slices, rows, columns

    @property
    def spacing_mm(self) -> FloatArray:
        """Distance between neighbouring voxel centres along (column, row, slice)."""
        return np.asarray(np.linalg.norm(self.affine[:3, :3], axis=0), dtype=np.float64)

    @property
    def array_spacing_mm(self) -> tuple[float, float, float]:
        """The spacing along (slice, row, column), the axis order of `voxels`."""
        column_mm, row_mm, slice_mm = (float(step) for step in self.spacing_mm)
        return slice_mm, row_mm, column_mm

    @property
    def origin_mm(self) -> FloatArray:
        """LPS position of the centre of voxel (0, 0, 0)."""
        return self.affine[:3, 3].copy()

    @property
    def directions(self) -> FloatArray:
        """Unit vectors of the (column, row, slice) axes as the columns of a 3×3 matrix."""
        return np.asarray(self.affine[:3, :3] / self.spacing_mm, dtype=np.float64)

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel in mm³."""
        column, row, normal = self.affine[:3, :3].T
        return float(
            abs(column @ np.cross(row, normal))
        )  # det() would round 3 to 3.0000000000000004

    def to_mm(self, indices: ArrayLike) -> FloatArray:
        """LPS millimetres (..., 3) of (column, row, slice) indices (..., 3)."""
        points = np.asarray(indices, dtype=np.float64)
        return np.asarray(points @ self.affine[:3, :3].T + self.affine[:3, 3], dtype=np.float64)

    def to_indices(self, points_mm: ArrayLike) -> FloatArray:
        """Fractional (column, row, slice) indices (..., 3) of LPS millimetres (..., 3)."""
        shifted = np.asarray(points_mm, dtype=np.float64) - self.affine[:3, 3]
        return np.asarray(shifted @ np.linalg.inv(self.affine[:3, :3]).T, dtype=np.float64)

    def sees(self, points_mm: ArrayLike) -> NDArray[np.bool_]:
        """Which points (…, 3) in LPS mm lie in a voxel of the volume."""
        indices = self.to_indices(points_mm)
        size = np.array(self.shape[::-1])
        inside = (indices > -0.5) & (indices < size - 0.5)
        return np.asarray(inside[..., 0] & inside[..., 1] & inside[..., 2])

    def with_voxels(self, voxels: NDArray[Any]) -> Volume:
        """A volume with other voxels (slice, row, column) of the same shape on the same grid."""
        if voxels.shape != self.voxels.shape:
            raise GeometryError(
                f"voxels of shape {voxels.shape} do not fit a grid of shape {self.shape}",
                code="SIZES_DIFFER",
            )
        return Volume(voxels, self.affine)

    def same_grid(self, other: Volume, tolerance_mm: float = OWN_GRID_MM) -> bool:
        """Whether shapes are equal and corresponding corners are no further apart than allowed."""
        if self.shape != other.shape:
            return False
        corners = _corners(self.shape)
        apart = np.linalg.norm(self.to_mm(corners) - other.to_mm(corners), axis=-1)
        return bool(apart.max() <= tolerance_mm)

    def require_same_grid(
        self, other: Volume, what: str, tolerance_mm: float = OWN_GRID_MM
    ) -> None:
        """Raise `GeometryError` with both grids unless `other` lies on this grid."""
        if not self.same_grid(other, tolerance_mm):
            raise GeometryError(
                f"{what} lies on another grid: {_describe(other)}, expected {_describe(self)}",
                code="OTHER_GRID",
            )


def _numbers(affine: Any) -> FloatArray:
    try:
        return np.array(affine, dtype=np.float64)
    except (TypeError, ValueError):
        raise GeometryError(
            f"the affine is a {type(affine).__name__} that holds no table of numbers, expected a "
            "4×4 array",
            code="BAD_AFFINE",
        ) from None


def _corners(shape: tuple[int, int, int]) -> FloatArray:
    slices, rows, columns = shape
    axes = np.meshgrid([0, columns - 1], [0, rows - 1], [0, slices - 1], indexing="ij")
    return np.stack(axes, axis=-1).reshape(-1, 3).astype(np.float64)


def _describe(volume: Volume) -> str:
    slices, rows, columns = volume.shape
    spacing = " × ".join(f"{value:.4g}" for value in volume.spacing_mm)
    origin = ", ".join(f"{value:.2f}" for value in volume.origin_mm)
    return f"{columns} × {rows} × {slices} voxels of {spacing} mm from ({origin})"
