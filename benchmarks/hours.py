"""How many hours a comparison trains: a few steps of each network here, and all of its runs.

    python -m benchmarks.hours experiments/paper_protocol.toml --tflops 4 10

Every network is trained for a few steps on simulated slices of 512 × 512 px, with so few crops that
they fit into memory: the time of a step grows with its crops. `--tflops` adds the hours on a device
that sustains so many 10¹² operations per second in training, which is an assumption and no
measurement: a T4 sustains about 4 in float32, an A100 about 10. Runs that several rows share count
once. What validates and scores is not counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import torch

from afunet.data.sampler import CropSampler, Source
from afunet.inference.device_choice import DeviceChoice
from afunet.inference.engines.torch_engine import pick_device
from afunet.models import build_model
from afunet.models.complexity import gflops
from afunet.phantom import SIMULATOR
from afunet.training.config import TrainingConfig
from afunet.training.distributed import ALONE
from afunet.training.experiment import Experiment, load_experiments
from afunet.training.loop import optimizer_step
from afunet.training.state import start
from afunet.training.task import segmentation
from benchmarks.bench import finish, parser_of, print_heading, print_row
from benchmarks.train import knee_slices

KNEES = 803
"""Training slices of the shared knees."""
COPIES = 4
BACKWARD = 3
"""Operations of a step, relative to the forward pass."""


@dataclass(frozen=True)
class Runs:
    """The runs of one row: how many, their steps, and the work and time of a crop."""

    label: str
    runs: int
    crops: int
    gflop: float
    seconds: float

    @property
    def hours(self) -> float:
        """Of all runs, here."""
        return self.runs * self.crops * self.seconds / 3600

    def hours_at(self, tflops: float) -> float:
        """Of all runs, on a device that sustains so many 10¹² operations per second."""
        return self.runs * self.crops * self.gflop / (1000 * tflops) / 3600


def trained_rows(files: Sequence[Path]) -> list[Experiment]:
    """The rows whose runs are their own."""
    rows = load_experiments(files)
    return [row for row in rows if row.training is not None and row.run_name == row.name]


def seconds_per_crop(config: TrainingConfig, device: torch.device, crops: int, steps: int) -> float:
    """Median over steps, after one to warm up; processor time on a CPU, which other load spares."""
    config = replace(config, batch_size=crops, accumulate=1)
    slices = [Source(knee_slices(COPIES))]
    sampler = CropSampler(slices, config.crop, config.augment, config.seed, device)
    task = segmentation(config, sampler)
    state = start(config, task.network(device), Path("no run"), device)
    clock = process_time if device.type == "cpu" else perf_counter
    spent = []
    for number in range(steps + 1):
        begun = clock()
        batch = sampler.batch(number, crops)
        optimizer_step(state, state.model, config, task, batch, 1e-4, device, ALONE)
        finish(device)
        spent.append(clock() - begun)
    return median(spent[1:]) / crops


def runs_of(row: Experiment, slices: int, device: torch.device, crops: int, steps: int) -> Runs:
    """Measure one row."""
    config = row.training
    assert config is not None
    with torch.device("meta"):
        network = build_model(config.model, config.options)
    return Runs(
        row.label,
        len(row.seeds),
        config.steps_for(slices) * config.batch_size,
        BACKWARD * gflops(network, config.input_slices, config.crop.size_px),
        seconds_per_crop(config, device, crops, steps),
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Print a row for each network, and the sums."""
    parser = parser_of(__doc__)
    parser.add_argument("experiments", nargs="+", type=Path)
    parser.add_argument("--slices", type=int, default=KNEES, help="training slices of the data")
    parser.add_argument("--crops", type=int, default=4, help="in each measured step")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--tflops", type=float, nargs="*", default=[])
    parser.add_argument("--device", type=DeviceChoice, default=DeviceChoice.AUTO)
    options = parser.parse_args(argv)
    device = pick_device(options.device)
    print(SIMULATOR)
    print(f"{device.type}, {torch.get_num_threads()} threads, {options.slices} slices")
    print_heading(
        "row",
        "runs:",
        "crops a run:",
        "GFLOP a crop:",
        "s a crop:",
        "GFLOP/s:",
        "hours:",
        *(f"hours at {tflops:g} TFLOP/s:" for tflops in options.tflops),
    )
    measured = []
    for row in trained_rows(options.experiments):
        one = runs_of(row, options.slices, device, options.crops, options.steps)
        measured.append(one)
        print_row(
            one.label,
            str(one.runs),
            str(one.crops),
            f"{one.gflop:.1f}",
            f"{one.seconds:.3f}",
            f"{one.gflop / one.seconds:.0f}",
            f"{one.hours:.1f}",
            *(f"{one.hours_at(tflops):.1f}" for tflops in options.tflops),
        )
    runs, hours = sum(one.runs for one in measured), sum(one.hours for one in measured)
    print(f"\nall {runs} runs: {hours:.1f} h here")
    for tflops in options.tflops:
        print(f"at {tflops:g} TFLOP/s: {sum(one.hours_at(tflops) for one in measured):.1f} h")


if __name__ == "__main__":
    main()
