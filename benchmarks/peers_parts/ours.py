"""afunet's rows: the whole prediction of the slices, from HU to a mask."""

from __future__ import annotations

from collections.abc import Callable

from afunet.evaluation.overlap import count, dice
from afunet.inference.device_choice import DeviceChoice
from afunet.inference.engines.factory import Trial, best_engine
from afunet.inference.engines.runtimes import RUNTIMES
from afunet.inference.runtime_choice import RuntimeChoice
from afunet.models.network_file import NetworkFile
from afunet.workflows.analyse import predict
from afunet.workflows.network import Network
from benchmarks.peers_parts.scene import Scene
from benchmarks.peers_parts.work import Work

COUNTED = "torch"
"""The runtime whose operations can be counted."""


def chosen(file: NetworkFile) -> Callable[[Scene], Work]:
    """With the runtime and arithmetic that `afunet segment` chooses on this machine."""

    def network() -> Network:
        engine, trial = best_engine(file, DeviceChoice.CPU, RuntimeChoice.AUTO)
        return Network(file.header, file.sha256, engine, trial)

    return lambda scene: _work(network(), file, scene)


def in_runtime(file: NetworkFile, runtime: str) -> Callable[[Scene], Work]:
    """With one runtime and the arithmetic of the file, float32 or int8."""
    return lambda scene: _work(_network(file, runtime), file, scene)


def _network(file: NetworkFile, runtime: str) -> Network:
    engine = RUNTIMES[runtime].open(file, "cpu", file.arithmetic)
    return Network(file.header, file.sha256, engine, Trial("cpu", runtime, "asked for"))


def _work(network: Network, file: NetworkFile, scene: Scene) -> Work:
    """All slices at once, as `afunet segment` predicts them; the Dice is that before clean-up."""
    engine, slices = network.engine, scene.slices

    def run() -> object:
        return predict(scene.scan, network)

    def unit() -> None:
        run()
        if engine.runtime != COUNTED and RUNTIMES[COUNTED].runs(file):
            predict(scene.scan, _network(file, COUNTED))

    def score() -> float:
        found = predict(scene.scan, network)
        mask = found.scan.restored(found.bone)
        return dice(count(mask.voxels, scene.truth.voxels))

    arithmetic = f"{engine.runtime} {engine.arithmetic}"
    return Work(unit, run, 1, 1 / slices, f"{slices} slices", arithmetic, score)
