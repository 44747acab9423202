"""Segment a CT volume into a bone mask on its grid, a few slices at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afunet.geometry import Volume, bounding_box
from afunet.inference.engines.engine import Float32Array
from afunet.inference.predictor import Predictor, Usage
from afunet.models.calibration import calibrated
from afunet.models.head import labels
from afunet.models.header import Header
from afunet.preprocessing import Window
from afunet.preprocessing.grid import WorkingGrid, working_grid
from afunet.preprocessing.orientation import Axial
from afunet.watch import UNWATCHED, Watch

SLICES_AT_ONCE = 8
STAGE = "segmenting"


@dataclass(frozen=True, eq=False)
class Prediction:
    """The scan and its mask (uint8), both in axial order, and the network's pixel grid.

    The mask holds the likeliest class, from 1, where its probability reaches the threshold, and 0
    elsewhere; with bone alone it is 0/1. `probabilities` are calibrated, one volume for each class,
    uint8 0…255 in axial order.
    """

    scan: Axial
    mask: Volume
    grid: WorkingGrid
    probabilities: tuple[Volume, ...]

    @property
    def bone(self) -> Volume:
        """The mask of any class, 0/1."""
        if len(self.probabilities) == 1:
            return self.mask
        return self.mask.with_voxels(np.minimum(self.mask.voxels, 1))

    @property
    def probability(self) -> Volume:
        """The largest probability of any class, as one volume."""
        first, *others = self.probabilities
        if not others:
            return first
        return first.with_voxels(np.max([one.voxels for one in self.probabilities], axis=0))


@dataclass(frozen=True, eq=False)
class FreshPrediction(Prediction):
    """A new prediction, with the work it took and the predictor to use next.

    If memory ran short, the engine of `predictor` is smaller than the one given.
    """

    usage: Usage
    predictor: Predictor


@dataclass(frozen=True, eq=False)
class SliceSource:
    """Prepares axial slices in HU (slice, row, column) for the network: scaled, on its grid."""

    voxels: NDArray[Any]
    window: Window
    grid: WorkingGrid
    reach: int

    @staticmethod
    def of(axial: Volume, header: Header, *, spacing_known: bool = True) -> SliceSource:
        """Take the slices of a volume in axial order; without a known spacing, pixels stay."""
        column_mm, row_mm, _ = axial.spacing_mm
        spacing = (float(row_mm), float(column_mm)) if spacing_known else None
        grid = working_grid((axial.shape[1], axial.shape[2]), spacing, header.spacing_mm)
        reach = header.input_slices // 2
        return SliceSource(axial.voxels, Window(*header.window_hu), grid, reach)

    def stacks(self, start: int, stop: int) -> Float32Array:
        """Slices start…stop with `reach` neighbours on both sides, (N, 2·reach + 1, H, W).

        Values lie in [0, 1]. Beyond the ends of the volume its last slice is repeated.
        """
        reach = self.reach
        wanted = np.clip(np.arange(start - reach, stop + reach), 0, len(self.voxels) - 1)
        unit = self.grid.to_working(self.window.to_unit(self.voxels[wanted]))
        return np.stack([unit[i : i + stop - start] for i in range(2 * reach + 1)], axis=1)


def predict_volume(
    scan: Axial,
    predictor: Predictor,
    header: Header,
    *,
    spacing_known: bool = True,
    watch: Watch = UNWATCHED,
) -> FreshPrediction:
    """Segment a HU volume slice by axial slice.

    The network's own probability decides the mask; the probability that is kept is calibrated.
    Besides the volume, its mask and its probabilities, memory holds only `SLICES_AT_ONCE` slices.
    """
    axial = scan.volume
    source = SliceSource.of(axial, header, spacing_known=spacing_known)
    mask = np.zeros(axial.shape, dtype=np.uint8)
    kept = np.zeros((predictor.engine.classes, *axial.shape), dtype=np.uint8)
    usage = Usage()
    watch.tell(STAGE, 0, axial.shape[0])
    for start, stop in _chunks(axial.shape[0]):
        watch.check()
        predicted = predictor(source.stacks(start, stop), _in_slices(watch, start, stop, len(mask)))
        predictor, usage = predicted.predictor, usage + predicted.usage
        probability = source.grid.to_native(predicted.probability)
        place = _seen(probability)
        probability = probability[:, :, *place]
        mask[start:stop, *place] = labels(probability, header.threshold)
        calibrated_bytes = np.rint(calibrated(probability, header.calibration) * 255)
        kept[:, start:stop, *place] = calibrated_bytes.swapaxes(0, 1)
        watch.tell(STAGE, stop, axial.shape[0])
    return FreshPrediction(
        scan,
        axial.with_voxels(mask),
        source.grid,
        tuple(axial.with_voxels(voxels) for voxels in kept),
        usage,
        predictor,
    )


def _seen(probability: Float32Array) -> tuple[slice, slice]:
    """The rows and columns of slices (N, K, H, W) that the network saw: the others are 0."""
    slices, classes, rows, columns = probability.shape
    planes = probability.reshape(slices * classes, rows, columns)
    box = bounding_box(planes)
    return (slice(0), slice(0)) if box is None else box[1:]


def _in_slices(watch: Watch, start: int, stop: int, slices: int) -> Watch:
    """Convert progress over windows of slices start…stop into slices done of all slices."""
    told = start

    def progress(stage: str, done: int, total: int) -> None:
        nonlocal told
        reached = start + (stop - start) * done // total
        if told < reached < stop:
            told = reached
            watch.tell(STAGE, reached, slices)

    return replace(watch, progress=progress)


def _chunks(slices: int) -> Iterator[tuple[int, int]]:
    for start in range(0, slices, SLICES_AT_ONCE):
        yield start, min(start + SLICES_AT_ONCE, slices)
