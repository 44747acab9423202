"""How much memory `afunet segment` needs for each slice of 512 × 512 pixels.

    .venv/bin/python -m benchmarks.memory [--slices 50 100 200 300] [--folder TMP]

Each series is a knee of 16 simulated slices, repeated to its length and written as DICOM. It is
segmented in a process of its own, with all results. A threshold of 200 HU takes the place of the
network, whose memory does not depend on the number of slices. Prints the peak memory of each
process, and the slope of the straight line through them.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np

from afunet.inference.engines.engine import Float32Array
from afunet.inference.engines.factory import Trial
from afunet.models.checkpoint import load_checkpoint
from afunet.models.shipped import shipped_path
from afunet.phantom import SIMULATOR
from afunet.preprocessing import Window
from afunet.workflows import segment as segmenting
from afunet.workflows.network import Network
from afunet.workflows.stopwatch import peak_memory_mb
from benchmarks.bench import parser_of, print_heading, print_row
from benchmarks.segment import write_series

BONE_HU, STEEPNESS = 200.0, 30.0


@dataclass(frozen=True)
class Threshold:
    """An engine for which every value above `level`, of the network's range, is bone."""

    level: float
    channels: int = 1
    classes: int = 1
    windows_per_batch: int = 4
    device: str = "cpu"
    arithmetic: str = "float32"
    runtime: str = "none"

    def run(self, windows: Float32Array) -> Float32Array:
        return (windows[:, :1] - np.float32(self.level)) * np.float32(STEEPNESS)

    def smaller(self) -> tuple[Threshold, str]:
        raise MemoryError


def segmented(series: Path, output: Path) -> float:
    """Segment a series by the threshold; this process's peak memory in MB."""
    checkpoint = load_checkpoint(shipped_path())
    level = float(Window(*checkpoint.header.window_hu).to_unit(np.array([BONE_HU]))[0])
    engine = Threshold(level)
    network = Network(
        checkpoint.header, checkpoint.sha256, engine, Trial("cpu", "float32", "a stub")
    )
    with mock.patch.object(segmenting, "load_network", return_value=network):
        segmenting.segment(series, output)
    return peak_memory_mb() or float("nan")


def alone(series: Path, output: Path) -> float:
    """What `segmented` finds in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.memory", "--series", str(series)]
    done = subprocess.run(
        [*command, "--folder", str(output)], capture_output=True, text=True, check=True
    )
    return float(done.stdout.splitlines()[-1])


def main(argv: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--slices", type=int, nargs="+", default=[50, 100, 200, 300])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--series", type=Path, help="segment this one alone, in this process")
    options = parser.parse_args(argv)
    if options.series:
        print(segmented(options.series, options.folder))
        return
    print(f"{SIMULATOR}\n")
    print_heading("slices:", "peak MB:")
    peaks = []
    for slices in options.slices:
        with tempfile.TemporaryDirectory(dir=options.folder) as temporary:
            write_series(Path(temporary, "series"), slices)
            peaks.append(alone(Path(temporary, "series"), Path(temporary, "out")))
        print_row(slices, f"{peaks[-1]:.0f}")
    slope, _ = np.polyfit(options.slices, peaks, 1)
    print(f"\n{slope:.2f} MB a slice")


if __name__ == "__main__":
    main()
