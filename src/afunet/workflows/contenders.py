"""Experiments that are ready to predict: trained or reused networks and classical methods."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from afunet import classical
from afunet.data.slices import LabelledSlice
from afunet.errors import ConfigError
from afunet.inference.device_choice import DeviceChoice
from afunet.inference.engines.torch_engine import build_engine, pick_device
from afunet.models import build_model
from afunet.models.checkpoint import Checkpoint, load_checkpoint
from afunet.models.complexity import Complexity, complexity
from afunet.training.experiment import AS_TRAINED, WHOLE_SLICE, Experiment
from afunet.watch import UNWATCHED, Watch
from afunet.workflows.scoring import MaskOf, network_masks
from afunet.workflows.train import train_network


@dataclass(frozen=True, eq=False)
class Run:
    """One seed of an experiment: its folder, what determines its masks, and how to predict them."""

    folder: Path
    identity: str
    mask_of: MaskOf
    validation_dice: float | None = None


@dataclass(frozen=True, eq=False)
class Contender:
    """An experiment with its runs; `cost` is None for a classical method."""

    experiment: Experiment
    input_slices: int
    window: str
    runs: tuple[Run, ...]
    cost: Complexity | None

    @property
    def trained(self) -> bool:
        """Whether this is a network, not a classical method."""
        return self.cost is not None


def check_experiment(experiment: Experiment) -> None:
    """Raise `ConfigError` for unknown networks, options and methods, before the work."""
    if experiment.training is not None:
        build_model(experiment.training.model, experiment.training.options, seed=0)
    elif experiment.classical not in classical.CLASSICAL:
        raise ConfigError(
            f"{experiment.name}: unknown classical method {experiment.classical!r}; choose from "
            f"{', '.join(classical.CLASSICAL)}"
        )


def prepare(
    experiment: Experiment,
    runs: Path,
    *,
    device: DeviceChoice,
    threads: int | None,
    watch: Watch = UNWATCHED,
) -> Contender:
    """Train what is not yet trained, in folders under `runs`, and load it."""
    if experiment.training is None:
        return _classical(experiment, runs)
    trained = []
    for seed in experiment.seeds:
        folder = runs / f"{experiment.run_name}-seed{seed}"
        result = train_network(
            experiment.of_seed(seed),
            folder,
            base=experiment.base,
            device=device,
            threads=threads,
            watch=watch,
        )
        checkpoint = load_checkpoint(result.checkpoint)
        trained.append(_run(experiment, folder, checkpoint, device, result.validation_dice))
    training = experiment.training
    return Contender(
        experiment,
        training.input_slices,
        _window_words(experiment, training.crop.size_px),
        tuple(trained),
        _cost(
            training.model,
            json.dumps(dict(training.options), sort_keys=True),
            training.input_slices,
        ),
    )


def _run(
    experiment: Experiment,
    folder: Path,
    checkpoint: Checkpoint,
    device: DeviceChoice,
    validation_dice: float,
) -> Run:
    window = _window_px(experiment, checkpoint.header.patch_px)
    # float32 for every network, so that the arithmetic does not decide a comparison.
    header = checkpoint.header
    engine = build_engine(
        checkpoint.network(),
        pick_device(device),
        channels=header.input_slices,
        classes=len(header.classes),
    )
    identity = (
        f"checkpoint {checkpoint.sha256}, window {window or 'whole slice'}, float32, "
        f"afunet {version('afunet')}"
    )
    return Run(folder, identity, network_masks(engine, window), validation_dice)


def _window_px(experiment: Experiment, patch_px: int) -> int | None:
    if experiment.window == WHOLE_SLICE:
        return None
    return patch_px if experiment.window == AS_TRAINED else int(experiment.window)


def _window_words(experiment: Experiment, patch_px: int) -> str:
    window = _window_px(experiment, patch_px)
    return f"{window} px" if window else "whole slice"


@lru_cache
def _cost(model: str, options_json: str, input_slices: int) -> Complexity:
    return complexity(build_model(model, json.loads(options_json), seed=0), input_slices)


def _classical(experiment: Experiment, runs: Path) -> Contender:
    segment = classical.CLASSICAL[experiment.classical].segment
    run = Run(runs / experiment.name, _source_identity(experiment.classical), _masks(segment))
    return Contender(experiment, 1, "–", (run,), None)


def _masks(segment: Callable[[NDArray[np.float32]], NDArray[np.uint8]]) -> MaskOf:
    def mask_of(item: LabelledSlice) -> NDArray[np.bool_]:
        grey = item.grey[len(item.grey) // 2].astype(np.float32) / 255
        return np.asarray(segment(grey) > 0)

    return mask_of


def _source_identity(name: str) -> str:
    """Identify a method without weights by the source code of its package."""
    folder = Path(inspect.getfile(classical)).parent
    digest = sha256(b"".join(file.read_bytes() for file in sorted(folder.glob("*.py"))))
    return f"classical {name}, source {digest.hexdigest()}, afunet {version('afunet')}"
