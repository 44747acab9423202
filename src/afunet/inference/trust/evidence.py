"""Everything that confidence and flags are computed from, in axial slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afunet.findings import Flag
from afunet.fragments.cut import Suspicion
from afunet.geometry import Volume
from afunet.geometry.sizes import area_text, volume_text
from afunet.inference.cleanup import CleanUp, CleanUpRules
from afunet.inference.trust.suspected import Suspected
from afunet.inference.volume import Prediction
from afunet.preprocessing.orientation import AxialView

ASSUMED_PIXEL_MM = 0.5  # if the spacing is not known; legs are scanned at 0.3 to 0.9 mm
Place = tuple[slice, slice]


@dataclass(frozen=True, eq=False)
class Evidence:
    """A scan in HU and its results, arrays (slice, row, column) in axial order.

    `probability` is calibrated, 0…255; `predicted` is the network's mask, `mask` the cleaned one,
    both 0/1; `labels` is the label map of the pieces, `names` their names. Slices run from the feet
    to the head in whatever order they are stored. `positions_known` says whether the headers give
    the position of every slice. `suspected` is where a piece may be broken.
    """

    hu: NDArray[Any]
    probability: NDArray[np.uint8]
    predicted: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    labels: NDArray[Any]
    spacing_mm: tuple[float, float, float]
    spacing_known: bool
    cleaned: CleanUp
    speck_mm3: float
    view: AxialView
    names: Mapping[int, str] = field(default_factory=dict)
    positions_known: bool = False
    suspected: tuple[Suspected, ...] = ()

    @staticmethod
    def of(
        prediction: Prediction,
        mask: Volume,
        labels: Volume,
        cleaned: CleanUp,
        *,
        names: Mapping[int, str] | None = None,
        speck_mm3: float = CleanUpRules.speck_mm3,
        spacing_known: bool = True,
        positions_known: bool = False,
        suspected: Sequence[Suspicion] = (),
    ) -> Evidence:
        """Collect views, not copies; `mask` is in axial order, `labels` in stored order."""
        scan = prediction.scan
        return Evidence(
            scan.volume.voxels,
            prediction.probability.voxels,
            prediction.bone.voxels,
            mask.voxels,
            scan.turned(labels).voxels,
            scan.volume.array_spacing_mm,
            spacing_known,
            cleaned,
            speck_mm3,
            scan.view,
            names or {},
            positions_known,
            tuple(Suspected.of(one, scan.volume) for one in suspected),
        )

    @property
    def pixel_mm(self) -> tuple[float, float]:
        """Size of a pixel (row, column) in mm, assumed if not known: for filters only."""
        if not self.spacing_known:
            return ASSUMED_PIXEL_MM, ASSUMED_PIXEL_MM
        return self.spacing_mm[1], self.spacing_mm[2]

    @property
    def pixel_area(self) -> float:
        """Area of a pixel in mm²; 1 if the spacing is not known."""
        return self.spacing_mm[1] * self.spacing_mm[2] if self.spacing_known else 1.0

    @property
    def voxel_volume(self) -> float:
        """Volume of a voxel in mm³; 1 if the spacing is not known."""
        return self.pixel_area * self.spacing_mm[0] if self.spacing_known else 1.0

    @property
    def grid_voxel(self) -> float:
        """Volume of a voxel of the grid, with which the clean-up counts."""
        return float(np.prod(self.spacing_mm))

    def line_of(self, flag: Flag) -> NDArray[np.float64]:
        """The places (N, 2) of a suspected fracture in the flag's slice as (row, column)."""
        for one in self.suspected:
            if flag.index is not None and flag.centre_mm == one.suspicion.cut.centre_mm:
                return one.line(flag.index)
        return np.empty((0, 2))

    def name(self, label: int) -> str:
        """The name of a piece."""
        return self.names.get(label, f"piece {label}")

    @cached_property
    def with_bone(self) -> NDArray[np.int64]:
        """Indices of the slices whose mask holds bone, ascending."""
        return np.flatnonzero(self.mask.any(axis=(1, 2)))

    def place(self, index: int, margin_mm: float = 0.0) -> Place | None:
        """Rows and columns that enclose a slice's mask with a margin; None without bone."""
        return place_of(
            self.mask[index], margin_mm / self.pixel_mm[0], margin_mm / self.pixel_mm[1]
        )

    def number(self, index: int) -> int:
        """The slice number that a viewer shows, from 1: the stored order if stored axially."""
        stored_axially, reversed_order = self.view.order[2] == 2, self.view.flipped[2]
        backwards = stored_axially and reversed_order
        return len(self.mask) - index if backwards else index + 1

    def area(self, pixels: float) -> str:
        """The area of that many pixels, in words."""
        return area_text(pixels * self.pixel_area, self.spacing_known)

    def volume(self, voxels: float) -> str:
        """The volume of that many voxels, in words."""
        return volume_text(voxels * self.voxel_volume, self.spacing_known)


def place_of(plane: NDArray[Any], rows: float = 0.0, columns: float = 0.0) -> Place | None:
    """Rows and columns that enclose the non-zero pixels with a margin; None if there are none."""
    spans = []
    for axis, margin in ((1, rows), (0, columns)):
        used = np.flatnonzero(plane.any(axis=axis))
        if len(used) == 0:
            return None
        reach = int(np.ceil(margin))
        spans.append(slice(max(0, int(used[0]) - reach), int(used[-1]) + 1 + reach))
    return spans[0], spans[1]
