"""Single image planes in the patient, for slices that do not form one even volume."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from afunet.geometry.volume import FloatArray, Volume


@dataclass(frozen=True, eq=False)
class ImagePlane:
    """One slice image of `rows` × `columns` pixels.

    `affine` (4, 4) maps (column, row, 0) to LPS millimetres; its third column is the normal.
    """

    affine: FloatArray
    rows: int
    columns: int

    @property
    def pixel_mm(self) -> tuple[float, float]:
        """Distance between neighbouring (columns, rows)."""
        return float(np.linalg.norm(self.affine[:3, 0])), float(np.linalg.norm(self.affine[:3, 1]))


def planes_of(volume: Volume) -> tuple[ImagePlane, ...]:
    """The slices of a volume as planes."""
    _, rows, columns = volume.shape
    planes = []
    for index in range(volume.shape[0]):
        affine = volume.affine.copy()
        affine[:3, 3] = volume.to_mm((0, 0, index))
        planes.append(ImagePlane(affine, rows, columns))
    return tuple(planes)


def mask_on_planes(mask: Volume, planes: Sequence[ImagePlane]) -> Iterator[NDArray[np.uint8]]:
    """A 0/1 mask (rows, columns) for every plane.

    A pixel is bone if the interpolated mask is 0.5 or more; outside the volume it is 0.
    """
    for share in shares_on_planes(mask.with_voxels(mask.voxels != 0), planes):
        # A value just below 0.5 by rounding counts as 0.5.
        yield np.asarray(share >= 0.5 - 1e-6, dtype=np.uint8)


def shares_on_planes(volume: Volume, planes: Sequence[ImagePlane]) -> Iterator[NDArray[np.float32]]:
    """The values of a volume (rows, columns) on every plane, by linear interpolation; 0 outside."""
    to_index = np.linalg.inv(volume.affine)
    for plane in planes:
        yield _sampled(volume, to_index @ plane.affine, plane.rows, plane.columns)


def _sampled(volume: Volume, to_index: FloatArray, rows: int, columns: int) -> NDArray[np.float32]:
    row, column = np.mgrid[:rows, :columns]
    points = np.stack([column, row, np.zeros_like(row), np.ones_like(row)]).astype(np.float64)
    across, down, deep = np.einsum("ij,jrc->irc", to_index[:3], points)
    first = max(int(np.floor(deep.min())) - 1, 0)
    slab = volume.voxels[first : int(np.ceil(deep.max())) + 2]
    if not len(slab):
        return np.zeros((rows, columns), dtype=np.float32)
    values = map_coordinates(
        slab.astype(np.float32), [deep - first, down, across], order=1, mode="grid-constant"
    )
    return np.asarray(values, dtype=np.float32)
