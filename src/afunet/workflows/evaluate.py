"""How well predicted masks agree with true ones, file by file or for a slice folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from afunet.errors import InputError
from afunet.evaluation.overlap import (
    METRICS,
    Agreement,
    Counts,
    agreement,
    count_slices,
    sum_counts,
)
from afunet.evaluation.surface import SURFACE_METRICS, surface_distances
from afunet.formats.readers import read_labels
from afunet.inference.device import DeviceChoice, best_engine, pick_device
from afunet.models.checkpoint import load_checkpoint
from afunet.progress import CancelToken, Progress, silent
from afunet.workflows.scoring import load_split, network_masks, of_status, score_slices
from afunet.workflows.segment import shipped_weights
from afunet.workflows.train import locate_data


@dataclass(frozen=True)
class Evaluation:
    """The averages, and each case's own metrics over its pooled slices.

    `distances` has every metric of `SURFACE_METRICS` by case, in 3D; empty for slice folders,
    whose slices form no volume.
    """

    agreement: Agreement
    cases: dict[str, dict[str, float]]
    distances: dict[str, dict[str, float]] = field(default_factory=dict)


def evaluate_masks(
    predictions: Sequence[Path], truths: Sequence[Path], names: Sequence[str]
) -> Evaluation:
    """Compare label files pairwise; any label but 0 is bone.

    Raises `InputError` for lists of different lengths and `GeometryError` for a pair on
    different grids.
    """
    if len(predictions) != len(truths):
        raise InputError(
            f"{len(predictions)} predictions and {len(truths)} truths: give one truth for each"
        )
    counts, distances = {}, {}
    for prediction, truth, name in zip(predictions, truths, names, strict=True):
        predicted, true = read_labels(prediction), read_labels(truth)
        true.require_same_grid(predicted, f"the prediction of {name}")
        counts[name] = count_slices(predicted.voxels != 0, true.voxels != 0)
        apart = surface_distances(predicted.voxels, true.voxels, true.array_spacing_mm)
        distances[name] = {metric: formula(apart) for metric, formula in SURFACE_METRICS.items()}
    return replace(_evaluation(counts), distances=distances)


def evaluate_network(
    folder: Path,
    split: str,
    *,
    weights: Path | None = None,
    status: str | None = None,
    patch_px: int | None = None,
    device: DeviceChoice = DeviceChoice.AUTO,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> Evaluation:
    """Run a network over one split of a store or slice folder (docs/data.md) on its own pixels.

    The folder is looked up as `locate_data` does. `status` keeps only slices so marked ("checked");
    `patch_px` overrides the window size.
    """
    checkpoint = load_checkpoint(weights or shipped_weights())
    header = checkpoint.header
    inputs = int(header.options.get("input_slices", 1))
    patch = patch_px or header.patch_px
    engine, _ = best_engine(checkpoint.network(), pick_device(device), patch, inputs)
    slices = of_status(load_split(locate_data(folder), split, inputs, progress), status, split)
    counts: dict[str, list[Counts]] = {}
    for score in score_slices(
        network_masks(engine, patch, header.threshold), slices, progress, cancel
    ):
        counts.setdefault(score.case, []).append(score.counts)
    return _evaluation(counts)


def _evaluation(counts: dict[str, list[Counts]]) -> Evaluation:
    cases = {
        name: {metric: formula(sum_counts(slices)) for metric, formula in METRICS.items()}
        for name, slices in counts.items()
    }
    return Evaluation(agreement(list(counts.values())), cases)
