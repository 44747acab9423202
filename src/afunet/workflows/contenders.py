"""The runs of a comparison, ready to predict: trained or reused networks and classical methods."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Sequence
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
from afunet.models.checkpoint import load_checkpoint
from afunet.models.complexity import Complexity, complexity
from afunet.training.experiment import AS_TRAINED, WHOLE_SLICE, Experiment
from afunet.watch import UNWATCHED, Watch
from afunet.workflows.scoring import MaskOf, network_masks
from afunet.workflows.train import finished_run, train_network
from afunet.workflows.turns import Turn


@dataclass(frozen=True, eq=False)
class Run:
    """One run of an experiment: its folder, what determines its masks, and how to predict them.

    `weights` is the SHA-256 of the trained network. It and `seed` are None for a classical method.
    """

    folder: Path
    identity: str
    mask_of: MaskOf
    seed: int | None = None
    weights: str | None = None
    validation_dice: float | None = None


@dataclass(frozen=True, eq=False)
class Contender:
    """An experiment with its finished runs; `cost` is None for a classical method."""

    experiment: Experiment
    window: str
    runs: tuple[Run, ...]
    cost: Complexity | None

    @property
    def input_slices(self) -> int:
        """How many neighbouring slices it takes."""
        return input_slices_of(self.experiment)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of the runs."""
        return tuple(run.seed for run in self.runs if run.seed is not None)

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


def input_slices_of(experiment: Experiment) -> int:
    """How many neighbouring slices a row takes."""
    return experiment.training.input_slices if experiment.training is not None else 1


def run_of(
    turn: Turn,
    runs: Path,
    *,
    device: DeviceChoice,
    threads: int | None,
    watch: Watch = UNWATCHED,
) -> Run:
    """Train the network if it is not yet trained, in a folder under `runs`, and load it."""
    experiment, seed = turn.experiment, turn.seed
    if seed is None:
        segment = classical.CLASSICAL[experiment.classical].segment
        identity = _source_identity(experiment.classical)
        return Run(runs / experiment.name, identity, _masks(segment))
    folder = run_folder(turn, runs)
    result = train_network(
        experiment.of_seed(seed),
        folder,
        base=experiment.base,
        device=device,
        threads=threads,
        watch=watch,
    )
    checkpoint = load_checkpoint(result.checkpoint)
    # float32 for every network, so that the arithmetic does not decide a comparison.
    header = checkpoint.header
    engine = build_engine(
        checkpoint.network(),
        pick_device(device),
        channels=header.input_slices,
        classes=len(header.classes),
    )
    window = _window_px(experiment)
    identity = (
        f"checkpoint {checkpoint.sha256}, window {window or 'whole slice'}, float32, "
        f"threshold {experiment.threshold:g}, afunet {version('afunet')}"
    )
    mask_of = network_masks(engine, window, experiment.threshold)
    return Run(folder, identity, mask_of, seed, checkpoint.sha256, result.validation_dice)


def is_ready(turn: Turn, runs: Path) -> bool:
    """Whether `run_of` has nothing to train."""
    if turn.seed is None:
        return True
    config = turn.experiment.of_seed(turn.seed)
    return finished_run(config, run_folder(turn, runs)) is not None


def run_folder(turn: Turn, runs: Path) -> Path:
    """The folder of a network's run."""
    return runs / f"{turn.experiment.run_name}-seed{turn.seed}"


def contender_of(experiment: Experiment, runs: Sequence[Run]) -> Contender:
    """An experiment with its finished runs, and what it costs."""
    training = experiment.training
    if training is None:
        return Contender(experiment, "–", tuple(runs), None)
    window = _window_px(experiment)
    words = f"{window} px" if window else "whole slice"
    options = json.dumps(dict(training.options), sort_keys=True)
    cost = _cost(training.model, options, training.input_slices)
    return Contender(experiment, words, tuple(runs), cost)


def _window_px(experiment: Experiment) -> int | None:
    assert experiment.training is not None
    if experiment.window == WHOLE_SLICE:
        return None
    trained_px = experiment.training.crop.size_px
    return trained_px if experiment.window == AS_TRAINED else int(experiment.window)


@lru_cache
def _cost(model: str, options_json: str, input_slices: int) -> Complexity:
    return complexity(build_model(model, json.loads(options_json), seed=0), input_slices)


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
