"""What each way to cut slices into windows costs, and how good the mask is (decision 003).

    .venv/bin/python -m benchmarks.passes WEIGHTS SLICE_FOLDER [--status checked] \
        --limbs "$AFUNET_DATA/shapes-llp26/sample1*.npz" [--ways trained body dense]

Prints two tables. The first is of the validation split: mean Dice per case, the worst slice, the
mean Dice of slices at the joint line, lost bone (true pixels outside the mask) and false bone. The
second is of simulated legs, by region: mean Dice per leg, before the clean-up, and the true voxels
that no window held. CPU seconds per slice, and their ratio to those of the first way, are of the
prediction alone; `area` is the ratio of the pixels in all windows.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from afunet.evaluation.joint_line import joint_line
from afunet.evaluation.overlap import Counts, count, dice
from afunet.inference.cutting import Cutting
from afunet.inference.predictor import Predictor
from afunet.inference.volume import predict_volume
from afunet.models.head import labels
from afunet.models.header import Header
from afunet.phantom import SIMULATOR, Region
from afunet.preprocessing.orientation import Axial
from afunet.workflows.scoring import load_split, of_status
from benchmarks.bench import Network, legs_by_region, parser_of, print_heading, print_row

WAYS = {cutting.name.lower(): cutting for cutting in Cutting}
SEED, SLICES = 80_000, 4
Key = tuple[str, int]


class Doubtful:
    """An engine for which every pixel that it sees may be bone, but hardly."""

    channels, classes, windows_per_batch = 1, 1, 2
    device, arithmetic, runtime = "cpu", "float32", "none"

    def run(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits of a probability of 0.05."""
        return np.full_like(windows[:, :1], -3)

    def smaller(self) -> tuple[Doubtful, str]:
        """Itself."""
        return self, ""


@dataclass(eq=False)
class Way:
    """One way to cut slices, and what came of it."""

    cutting: Cutting
    seconds: float = 0.0
    slices: int = 0
    pixels: int = 0
    counts: dict[Key, Counts] = field(default_factory=dict)

    @contextmanager
    def timed(self, slices: int) -> Iterator[None]:
        """Count the CPU time of a block that predicts so many slices."""
        start = time.process_time()
        yield
        self.seconds += time.process_time() - start
        self.slices += slices

    def predictor(self, network: Network) -> Predictor:
        """A new predictor of the network that cuts in this way."""
        return Predictor(network.loaded.engine, network.header.patch_px, self.cutting)

    def cost(self, first: Way) -> tuple[str, ...]:
        """CPU seconds per slice; their ratio to the first way's, and that of the windows' area."""
        own, other = (way.seconds / way.slices for way in (self, first))
        return f"{own:.3f}", f"{own / other:.3f}", f"{self.pixels / first.pixels:.3f}"

    def merged(self) -> dict[str, Counts]:
        """The pixels of each case."""
        cases: dict[str, Counts] = defaultdict(Counts)
        for (case, _), counts in self.counts.items():
            cases[case] += counts
        return cases


def knees(network: Network, folder: Path, status: str | None, ways: Sequence[Way]) -> None:
    """Predict the validation slices in all ways and print the first table."""
    every = load_split(folder, "val", network.header.input_slices)
    areas: dict[str, dict[int, int]] = defaultdict(dict)
    for item in every:
        areas[item.record.case][item.record.level] = int((item.mask > 0).sum())
    lines = {(case, level) for case, own in areas.items() for level in joint_line(own)}
    for item in of_status(every, status, "val"):
        for way in ways:
            with way.timed(1):
                found = way.predictor(network).of_grey(item.grey)
                mask = labels(found.probability, network.header.threshold)[0] > 0
            way.pixels += found.usage.pixels
            way.counts[item.record.case, item.record.level] = count(mask, item.mask > 0)
    columns = ("Dice", "worst case", "worst slice", "joint line", "lost px", "false px")
    print_heading("knees", *(f"{c}:" for c in (*columns, "CPU s", "ratio", "area")))
    for way in ways:
        cases, slices = [*map(dice, way.merged().values())], [*map(dice, way.counts.values())]
        line = [dice(own) for key, own in way.counts.items() if key in lines]
        lost = sum(own.false_negative for own in way.counts.values())
        false = sum(own.false_positive for own in way.counts.values())
        scores = (fmean(cases), min(cases), min(slices), fmean(line) if line else np.nan)
        print_row(way.cutting, *(f"{s:.4f}" for s in scores), lost, false, *way.cost(ways[0]))


def legs(network: Network, limbs: str, legs: int, ways: Sequence[Way]) -> None:
    """Predict simulated legs in all ways and print the second table."""
    scores: dict[Region, dict[Way, list[float]]] = defaultdict(lambda: defaultdict(list))
    worst: dict[Way, list[float]] = defaultdict(list)
    unseen = dict.fromkeys(ways, 0)
    for region, leg in legs_by_region(SEED, lambda region: legs, limbs, SLICES):
        scan, truth = Axial.of(leg.volume), leg.bones.foreground()
        for way in ways:
            with way.timed(len(truth.voxels)):
                found = predict_volume(scan, way.predictor(network), network.header)
            way.pixels += found.usage.pixels
            mask = scan.restored(found.bone).voxels
            scores[region][way].append(dice(count(mask, truth.voxels)))
            worst[way].append(_worst_slice(mask, truth.voxels))
            unseen[way] += _unseen(scan, truth.voxels, network.header, way)
    columns = (*scores, "all", "worst slice, mean", "unseen", "CPU s", "ratio", "area")
    print_heading("simulated legs", *(f"{column}:" for column in columns))
    for way in ways:
        means = [fmean(scores[region][way]) for region in scores]
        every = [value for own in scores.values() for value in own[way]]
        values = (*means, fmean(every), fmean(worst[way]))
        means_text = (f"{value:.4f}" for value in values)
        print_row(way.cutting, *means_text, unseen[way], *way.cost(ways[0]))


def _unseen(scan: Axial, truth: NDArray[np.uint8], header: Header, way: Way) -> int:
    """True voxels that no window holds."""
    predictor = Predictor(Doubtful(), header.patch_px, way.cutting)
    header = replace(header, threshold=0.02, options={})
    seen = scan.restored(predict_volume(scan, predictor, header).bone).voxels
    return int(((truth != 0) & (seen == 0)).sum())


def _worst_slice(mask: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    """The lowest Dice of a slice with bone, 1 without any."""
    return min((dice(count(m, t)) for m, t in zip(mask, truth, strict=True) if t.any()), default=1)


def main(argv: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--status")
    parser.add_argument("--limbs", required=True)
    parser.add_argument("--legs", type=int, default=2, help="simulated legs of each region")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    options = parser.parse_args(argv)
    network, ways = Network(options.weights), [WAYS[name] for name in options.ways]
    knees(network, options.folder, options.status, [Way(way) for way in ways])
    print(f"\n{SIMULATOR}\n")
    legs(network, options.limbs, options.legs, [Way(way) for way in ways])


if __name__ == "__main__":
    main()
