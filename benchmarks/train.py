"""Speed of a training step: crops per second, and where the time goes.

    .venv/bin/python -m benchmarks.train [--config experiments/base.toml] [--device auto]

The slices are simulated, 512 × 512 as from a scanner, so that no data are needed. Prints, measured
in turns in one run: the whole step as the loop does it, the network's part alone (forward, loss,
backward, optimizer), the preparation of a batch alone; the share of the step that is not the
network; and what share of this machine's measured matrix-multiply peak the network's arithmetic
reaches.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch import Tensor

from afunet.data.cases import SliceRecord
from afunet.data.sampler import CropSampler, Source
from afunet.data.slices import LabelledSlice
from afunet.inference.device_choice import DeviceChoice
from afunet.inference.engines.torch_engine import pick_device
from afunet.models import build_model
from afunet.models.complexity import complexity
from afunet.phantom import SIMULATOR, LegConfig, axial_grid, simulate
from afunet.preprocessing import BONE_WINDOW
from afunet.training.config import TrainingConfig, load_config
from afunet.training.distributed import ALONE
from afunet.training.loop import DTYPES, optimizer_step
from afunet.training.state import start
from afunet.training.task import segmentation
from benchmarks.bench import finish, matmul_peak, parser_of

SIZE = 512
SLICES = 8


def knee_slices(copies: int) -> list[LabelledSlice]:
    """A simulated knee's slices, each many times, as a data set of usual size has."""
    leg = simulate(LegConfig(grid=axial_grid((SLICES, SIZE, SIZE), 0.45, 10.0, (95.0, 8.0, 0.0))))
    grey = np.round(BONE_WINDOW.to_unit(leg.volume.voxels) * 255).astype(np.uint8)
    mask = leg.bones.foreground().voxels.astype(np.uint8)
    return [
        LabelledSlice(
            grey[level][None], mask[level], SliceRecord("knee", "knee", level, "train", "exact")
        )
        for _ in range(copies)
        for level in range(SLICES)
    ]


def measured(config: TrainingConfig, device: torch.device, steps: int, copies: int) -> None:
    """Run rounds of each part in turns and print the medians."""
    sampler = CropSampler(
        [Source(knee_slices(copies))], config.crop, config.augment, config.seed, device
    )
    task = segmentation(config, sampler)
    state = start(config, task.network(device), Path("no run"), device)

    def step(batch: tuple[Tensor, Tensor]) -> None:
        optimizer_step(state, state.model, config, task, batch, 1e-4, device, ALONE)
        finish(device)

    fixed = sampler.batch(0, config.batch_size)
    step(fixed)  # warms up
    whole, network, preparing = [], [], []
    for number in range(steps):
        begun = time.perf_counter()
        step(sampler.batch(number, config.batch_size))
        whole.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        step(fixed)
        network.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        sampler.batch(number, config.batch_size)
        finish(device)
        preparing.append(time.perf_counter() - begun)
    all_of_it, alone, prepare = median(whole), median(network), median(preparing)
    px, inputs = config.crop.size_px, config.input_slices
    model = build_model(config.model, config.options)
    flops = 3 * complexity(model, inputs, size=px).gflops * config.batch_size
    peak = matmul_peak(device, DTYPES[config.precision])
    print(f"{config.model} {dict(config.options)}, {config.batch_size} crops of {px} px")
    print(f"{device.type}, {config.precision}, {torch.get_num_threads()} threads")
    print(
        f"whole step       {all_of_it * 1e3:8.1f} ms, {config.batch_size / all_of_it:.1f} crops/s"
    )
    print(f"network alone    {alone * 1e3:8.1f} ms")
    print(f"batch alone      {prepare * 1e3:8.1f} ms, {prepare / alone:.1%} of the network")
    print(f"outside the network: {prepare / (prepare + alone):.1%} of the step")
    print(
        f"network {flops / alone:.0f} GFLOP/s = {flops / alone / peak:.0%} of {peak:.0f} (matmul)"
    )


def main(argv: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--config", type=Path, default=Path("experiments/base.toml"))
    parser.add_argument("--device", type=DeviceChoice, default=DeviceChoice.AUTO)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--copies", type=int, default=50)
    parser.add_argument("--model", help="another network than the configuration's")
    parser.add_argument("--width", type=int, help="another width than the configuration's")
    options = parser.parse_args(argv)
    config = load_config(options.config)
    if options.model:
        config = replace(config, model=options.model)
    if options.width:
        config = replace(config, options={**config.options, "width": options.width})
    print(SIMULATOR)
    measured(config, pick_device(options.device), options.rounds, options.copies)


if __name__ == "__main__":
    main()
