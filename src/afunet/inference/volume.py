"""From a CT volume to a bone mask on its grid, a few slices at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from afunet.geometry import Volume
from afunet.inference.predictor import Predictor
from afunet.models.calibration import calibrated
from afunet.models.checkpoint import Header
from afunet.preprocessing import Window
from afunet.preprocessing.grid import WorkingGrid, working_grid
from afunet.preprocessing.orientation import axial_view
from afunet.watch import UNWATCHED, Watch

SLICES_AT_ONCE = 8


@dataclass(frozen=True, eq=False)
class Prediction:
    """The mask (uint8 0/1 on the scan's grid) and the pixel grid the network worked on.

    `probability` is the calibrated one, uint8 0…255 on the scan's grid: one byte a voxel.
    """

    mask: Volume
    grid: WorkingGrid
    probability: Volume


@dataclass(frozen=True, eq=False)
class SliceSource:
    """Axial slices in HU (slice, row, column) as the network wants them: scaled, on its grid."""

    voxels: NDArray[Any]
    window: Window
    grid: WorkingGrid
    reach: int

    @staticmethod
    def of(axial: Volume, header: Header, *, spacing_known: bool = True) -> SliceSource:
        """The slices of a volume in axial order; an unknown spacing keeps its pixels."""
        column_mm, row_mm, _ = axial.spacing_mm
        spacing = (float(row_mm), float(column_mm)) if spacing_known else None
        grid = working_grid((axial.shape[1], axial.shape[2]), spacing, header.spacing_mm)
        reach = header.input_slices // 2
        return SliceSource(axial.voxels, Window(*header.window_hu), grid, reach)

    def stacks(self, start: int, stop: int) -> Tensor:
        """Slices start…stop, (N, 2·reach + 1, H, W) in [0, 1]: `reach` neighbours on both sides.

        Beyond the volume's ends the last slice is repeated.
        """
        reach = self.reach
        wanted = np.clip(np.arange(start - reach, stop + reach), 0, len(self.voxels) - 1)
        unit = self.grid.to_working(torch.from_numpy(self.window.to_unit(self.voxels[wanted])))
        return torch.stack([unit[i : i + stop - start] for i in range(2 * reach + 1)], dim=1)


def predict_volume(
    volume: Volume,
    predictor: Predictor,
    header: Header,
    *,
    spacing_known: bool = True,
    watch: Watch = UNWATCHED,
) -> Prediction:
    """Segment a HU volume of any orientation, slice by axial slice.

    The mask is decided by the network's own probability; what is kept is calibrated. Beside the
    volume, its mask and its probability, memory holds `SLICES_AT_ONCE` slices however long the
    series.
    """
    view = axial_view(volume)
    axial = view.apply(volume)
    source = SliceSource.of(axial, header, spacing_known=spacing_known)
    mask = np.zeros(axial.shape, dtype=np.uint8)
    kept = np.zeros(axial.shape, dtype=np.uint8)
    watch.tell("segmenting", 0, axial.shape[0])
    for start, stop in _chunks(axial.shape[0]):
        watch.check()
        predictor.after_batch = _steps(start, stop, axial.shape[0], watch)
        probability = source.grid.to_native(predictor(source.stacks(start, stop)))
        mask[start:stop] = (probability >= header.threshold).numpy()
        kept[start:stop] = (calibrated(probability, header.calibration) * 255).round().numpy()
        watch.tell("segmenting", stop, axial.shape[0])
    return Prediction(
        volume.with_voxels(view.restore(mask)),
        source.grid,
        volume.with_voxels(view.restore(kept)),
    )


def _steps(start: int, stop: int, total: int, watch: Watch) -> Callable[[int, int], None]:
    """Tells, as windows of slices start…stop are done, how many slices that is; and stops."""
    told = start

    def after(done: int, windows: int) -> None:
        nonlocal told
        watch.check()
        reached = start + (stop - start) * done // windows
        if told < reached < stop:
            told = reached
            watch.tell("segmenting", reached, total)

    return after


def _chunks(slices: int) -> Iterator[tuple[int, int]]:
    for start in range(0, slices, SLICES_AT_ONCE):
        yield start, min(start + SLICES_AT_ONCE, slices)
