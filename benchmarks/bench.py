"""What the measurements share: their command line, data, networks, simulated legs and tables."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from afunet.data.slices import LabelledSlice
from afunet.formats.scan import Scan, Source
from afunet.geometry import Volume
from afunet.inference.device_choice import DeviceChoice
from afunet.inference.predictor import Predictor
from afunet.inference.volume import FreshPrediction
from afunet.models.header import Header
from afunet.phantom import Region, SimulatedLeg, draw_leg, simulate
from afunet.workflows.analyse import AnalysisRules, analyse, predict
from afunet.workflows.network import load_network
from afunet.workflows.phantom import limb_files

UNSEEN_LIMBS = range(14, 20)
"""Numbers of the LLP26 samples that no network for names saw."""
MASK_ALONE = AnalysisRules(pieces=False, trust=False)
"""No surface, no pieces, no confidence."""


def parser_of(doc: str | None) -> argparse.ArgumentParser:
    """A parser described by the first line of a script's docstring."""
    return argparse.ArgumentParser(description=(doc or "").partition("\n")[0])


def data_home() -> Path:
    """The folder of data sets."""
    return Path(os.environ.get("AFUNET_DATA", "../shared/data"))


def data_set(name: str) -> Path:
    """A data set's folder; ends in one line where it is missing."""
    folder = data_home() / name
    if not folder.is_dir():
        sys.exit(f"no {name} in {data_home()}: set AFUNET_DATA to the folder that has it")
    return folder


def llp26(numbers: range) -> list[Path]:
    """Limbs of LLP26."""
    folder = data_set("shapes-llp26")
    return [folder / f"sample{number:02d}.npz" for number in numbers]


class Network:
    """Weights, None for those shipped, made ready to predict."""

    def __init__(
        self, weights: Path | None = None, device: DeviceChoice = DeviceChoice.AUTO
    ) -> None:
        self.loaded = load_network(weights, device)

    @property
    def header(self) -> Header:
        """What the weights say of themselves."""
        return self.loaded.header

    @property
    def predictor(self) -> Predictor:
        """With the windows that suit it."""
        return Predictor.of(self.loaded.engine, self.header)

    def probability(self, item: LabelledSlice) -> NDArray[np.float32]:
        """Of bone (H, W), at native pixels."""
        return np.asarray(self.predictor.of_grey(item.grey).probability[0, 0])

    def predict(self, scan: Volume, *, spacing_known: bool = True) -> FreshPrediction:
        """As `afunet segment` predicts, before its clean-up."""
        return predict(scan_of(scan, spacing_known=spacing_known), self.loaded)

    def mask(self, scan: Volume) -> Volume:
        """As `afunet segment` predicts, cleaned up."""
        return analyse(scan_of(scan), self.loaded, MASK_ALONE).mask


def scan_of(volume: Volume, *, spacing_known: bool = True) -> Scan:
    """A volume in HU as a scan of which nothing else is known."""
    return Scan(volume, Source("volume", 1, spacing_known=spacing_known))


def legs_by_region(
    first_seed: int, legs: Callable[[Region], int], limbs: str, slices: int
) -> Iterator[tuple[Region, SimulatedLeg]]:
    """So many of each region; every region's seeds begin 100 after the last one's."""
    for number, region in enumerate(Region):
        for leg in range(legs(region)):
            seed = first_seed + 100 * number + leg
            config = draw_leg(seed, region, limb_files(limbs), slices=slices)
            yield region, simulate(config)


def matmul_peak(device: torch.device, dtype: torch.dtype, seconds: float = 2.0) -> float:
    """Best GFLOP/s of a square matrix product."""
    size = 8192 if device.type == "cuda" else 2048
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        a @ b
        finish(device)
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best / 1e9


def finish(device: torch.device) -> None:
    """Wait for a GPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def print_heading(*columns: str) -> None:
    """A Markdown table's; a column whose name ends with a colon holds numbers."""
    print_row(*(column.removesuffix(":") for column in columns))
    print("|" + "".join(" ---: |" if column.endswith(":") else " --- |" for column in columns))


def print_row(*cells: object) -> None:
    """One line of a Markdown table."""
    print(f"| {' | '.join(map(str, cells))} |", flush=True)
