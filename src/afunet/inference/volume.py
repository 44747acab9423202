"""From a CT volume to a bone mask on its grid, a few slices at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from afunet.geometry import Volume
from afunet.inference.predictor import Predictor
from afunet.models.checkpoint import Header
from afunet.preprocessing import Window
from afunet.preprocessing.grid import WorkingGrid, working_grid
from afunet.preprocessing.orientation import axial_view
from afunet.progress import CancelToken, Progress, silent

SLICES_AT_ONCE = 8


@dataclass(frozen=True, eq=False)
class Prediction:
    """The mask (uint8 0/1 on the scan's grid) and the pixel grid the network worked on.

    `probability` is 0…255 on the scan's grid, None where it was not asked for.
    """

    mask: Volume
    grid: WorkingGrid
    probability: Volume | None = None


def predict_volume(
    volume: Volume,
    predictor: Predictor,
    header: Header,
    *,
    spacing_known: bool = True,
    keep_probability: bool = False,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> Prediction:
    """Segment a HU volume of any orientation, slice by axial slice.

    Beside the volume and its mask, memory holds `SLICES_AT_ONCE` slices however long the series.
    """
    view = axial_view(volume)
    axial = view.apply(volume)
    column_mm, row_mm, _ = axial.spacing_mm
    native = axial.shape[1:]
    spacing = (float(row_mm), float(column_mm)) if spacing_known else None
    grid = working_grid((native[0], native[1]), spacing, header.spacing_mm)
    window = Window(*header.window_hu)
    reach = int(header.options.get("input_slices", 1)) // 2
    mask = np.zeros(axial.shape, dtype=np.uint8)
    kept = np.zeros(axial.shape, dtype=np.uint8) if keep_probability else None
    for start, stop in _chunks(axial.shape[0]):
        if cancel is not None:
            cancel.check()
        stacks = _stacks(axial.voxels, start, stop, reach, window, grid)
        probability = grid.to_native(predictor(stacks))
        mask[start:stop] = (probability >= header.threshold).numpy()
        if kept is not None:
            kept[start:stop] = (probability * 255).round().numpy()
        progress("segmenting", stop, axial.shape[0])
    return Prediction(
        volume.with_voxels(view.restore(mask)),
        grid,
        None if kept is None else volume.with_voxels(view.restore(kept)),
    )


def _chunks(slices: int) -> Iterator[tuple[int, int]]:
    for start in range(0, slices, SLICES_AT_ONCE):
        yield start, min(start + SLICES_AT_ONCE, slices)


def _stacks(
    voxels: NDArray[Any], start: int, stop: int, reach: int, window: Window, grid: WorkingGrid
) -> Tensor:
    """Slices start…stop with `reach` neighbours on both sides, (N, 2·reach + 1, H, W) in [0, 1].

    Beyond the volume's ends the last slice is repeated.
    """
    wanted = np.clip(np.arange(start - reach, stop + reach), 0, len(voxels) - 1)
    unit = grid.to_working(torch.from_numpy(window.to_unit(voxels[wanted])))
    return torch.stack([unit[i : i + stop - start] for i in range(2 * reach + 1)], dim=1)
