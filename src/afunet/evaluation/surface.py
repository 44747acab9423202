"""Distances between the boundaries of a prediction and the ground truth, in millimetres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import edt
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from afunet.errors import InputError
from afunet.evaluation.metric import Metric
from afunet.geometry import Box, bounding_box

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class SurfaceDistances:
    """Distances in mm from each boundary voxel to the nearest one of the other boundary.

    A boundary voxel is a voxel of the mask with a face on the background or the edge of the grid.
    Distances are between voxel centres. This is the definition of MONAI (`monai.metrics`), so the
    values are comparable. If only one mask is empty, the distances are infinite.
    """

    to_truth: NDArray[np.floating]
    to_prediction: NDArray[np.floating]

    @property
    def assd(self) -> float:
        """Average symmetric surface distance: mean over both boundaries; 0 if both are empty."""
        both = np.concatenate([self.to_truth, self.to_prediction])
        return float(both.mean()) if len(both) else 0.0

    @property
    def hd95(self) -> float:
        """The larger of the two directed 95th percentiles (robust Hausdorff distance)."""
        return max(self._percentile(self.to_truth), self._percentile(self.to_prediction))

    @property
    def largest(self) -> float:
        """The Hausdorff distance."""
        return max(float(one.max(initial=0.0)) for one in (self.to_truth, self.to_prediction))

    def nsd(self, tolerance_mm: float) -> float:
        """Normalised surface Dice: the share of both boundaries within a tolerance of the other.

        Nikolov et al. 2018, counted in boundary voxels; 1 if both masks are empty.
        """
        both = np.concatenate([self.to_truth, self.to_prediction])
        return float((both <= tolerance_mm).mean()) if len(both) else 1.0

    @staticmethod
    def _percentile(distances: NDArray[np.floating]) -> float:
        if not len(distances):
            return 0.0
        if np.isinf(distances).any():
            return float("inf")
        return float(np.percentile(distances, 95))


SURFACE_METRICS: dict[str, Metric[SurfaceDistances]] = {
    "nsd_1mm": Metric(lambda distances: distances.nsd(1.0), "NSD 1 mm"),
    "nsd_2mm": Metric(lambda distances: distances.nsd(2.0), "NSD 2 mm"),
    "hd95_mm": Metric(lambda distances: distances.hd95, "HD95, mm", 0.0, float("inf"), "mm"),
    "assd_mm": Metric(lambda distances: distances.assd, "ASSD, mm", 0.0, float("inf"), "mm"),
}


def surface_distances(
    prediction: NDArray[Any], truth: NDArray[Any], spacing_mm: tuple[float, float, float]
) -> SurfaceDistances:
    """Distances between two masks (slice, row, column) with voxels `spacing_mm` in that order.

    Every voxel other than 0 belongs to the structure. Raises `InputError` for different shapes.
    """
    if prediction.shape != truth.shape:
        raise InputError(
            f"the prediction has shape {prediction.shape}, the ground truth {truth.shape}",
            code="SIZES_DIFFER",
        )
    box = bounding_box((prediction != 0) | (truth != 0))
    if box is None:
        return SurfaceDistances(np.zeros(0), np.zeros(0))
    predicted, true = (_boundary(mask != 0, box) for mask in (prediction, truth))
    return SurfaceDistances(
        _distance_to(true, spacing_mm)[predicted], _distance_to(predicted, spacing_mm)[true]
    )


def _boundary(mask: BoolArray, box: Box) -> BoolArray:
    inside = mask[box]
    return np.asarray(inside & ~ndimage.binary_erosion(inside))


def _distance_to(boundary: BoolArray, spacing_mm: tuple[float, float, float]) -> NDArray[Any]:
    if not boundary.any():
        return np.full(boundary.shape, np.inf)
    return np.asarray(edt.edt(~boundary, anisotropy=spacing_mm, black_border=False))
