"""afunet's rows: the whole prediction of the slices, from HU to a mask."""

from __future__ import annotations

from afunet.evaluation.overlap import count, dice
from afunet.workflows.analyse import predict
from afunet.workflows.network import Network
from benchmarks.peers_parts.scene import Scene
from benchmarks.peers_parts.work import Work


def afunet_work(network: Network, scene: Scene) -> Work:
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
