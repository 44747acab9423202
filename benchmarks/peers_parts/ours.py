"""afunet's rows: the whole prediction of the slices, from HU to a mask."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from afunet.evaluation.overlap import count, dice
from afunet.inference.device_choice import DeviceChoice
from afunet.inference.engines.factory import Trial, build_engine
from afunet.models.checkpoint import load_checkpoint
from afunet.workflows.analyse import predict
from afunet.workflows.network import Network, load_network
from benchmarks.peers_parts.scene import Scene
from benchmarks.peers_parts.work import Work


def chosen(weights: Path) -> Callable[[Scene], Work]:
    """With the arithmetic that `afunet segment` chooses on this machine."""
    return lambda scene: _work(load_network(weights, DeviceChoice.CPU), scene)


def in_float32(weights: Path) -> Callable[[Scene], Work]:
    """With float32, the number format of the other networks."""

    def work(scene: Scene) -> Work:
        checkpoint = load_checkpoint(weights)
        header = checkpoint.header
        engine = build_engine(
            checkpoint.network(),
            torch.device("cpu"),
            channels=header.input_slices,
            classes=len(header.classes),
        )
        trial = Trial(engine.device, engine.arithmetic, {})
        return _work(Network(header, checkpoint.sha256, engine, trial), scene)

    return work


def _work(network: Network, scene: Scene) -> Work:
    """All slices at once, as `afunet segment` predicts them; the Dice is that before clean-up."""

    def run() -> object:
        return predict(scene.scan, network)

    def score() -> float:
        found = predict(scene.scan, network)
        mask = found.scan.restored(found.bone)
        return dice(count(mask.voxels, scene.truth.voxels))

    said = f"{scene.slices} slices"
    arithmetic = network.engine.arithmetic
    return Work(run, run, 1, 1 / scene.slices, said, arithmetic, score)
