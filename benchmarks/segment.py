"""Speed and memory of `afunet segment` on a simulated series of 512 × 512 × 200.

    .venv/bin/python -m benchmarks.segment [--slices 200] [--weights FILE] [--folder TMP]

Prints seconds per slice for the network and for everything else, the peak memory of the process
that segments, and what share of this machine's measured matrix-multiply peak the network reaches.
The series is a real one on disk: the shared parametric knee, written once as DICOM.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from afunet.geometry import Volume
from afunet.models.checkpoint import load_checkpoint
from afunet.models.complexity import complexity
from afunet.models.shipped import shipped_path
from afunet.phantom import SIMULATOR, LegConfig, axial_grid, simulate
from afunet.phantom.dicom import write_dicom_series
from afunet.report.case.facts import RunFacts
from benchmarks.bench import matmul_peak, parser_of

SIZE = 512


def write_series(folder: Path, slices: int) -> None:
    """A simulated knee of 16 slices, repeated to the length that is wanted."""
    pixel_mm = 0.45
    leg = simulate(LegConfig(grid=axial_grid((16, SIZE, SIZE), pixel_mm, 6.0, (95.0, 8.0, 0.0))))
    order = np.concatenate([np.arange(16), np.arange(15, -1, -1)])
    voxels = leg.volume.voxels[np.resize(order, slices)]
    affine = leg.volume.affine.copy()
    affine[2, 2] = 1.0
    write_dicom_series(Volume(np.ascontiguousarray(voxels), affine), folder)


def segment_in_own_process(series: Path, output: Path, weights: Path) -> RunFacts:
    """Run the command line as a user would and read its report."""
    command = [sys.executable, "-m", "afunet", "segment", str(series), "-o", str(output), "-q"]
    subprocess.run([*command, "--weights", str(weights)], check=True, stdout=subprocess.DEVNULL)
    return RunFacts(**json.loads((output / "report.json").read_text())["run"])


def main(argv: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--slices", type=int, default=200)
    parser.add_argument("--weights", type=Path, default=shipped_path())
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(dir=options.folder) as temporary:
        folder = Path(temporary)
        write_series(folder / "series", options.slices)
        run = segment_in_own_process(folder / "series", folder / "out", options.weights)
    seconds = run.seconds
    network = seconds["network"]
    rest = sum(seconds.values()) - network
    peaks = {
        name: matmul_peak(torch.device("cpu"), dtype)
        for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16))
    }
    checkpoint = load_checkpoint(options.weights)
    patch = checkpoint.header.patch_px
    window = complexity(checkpoint.network(), size=patch).gflops
    reached = window * run.pixels / patch**2 / network
    peak = peaks[run.arithmetic]
    print(SIMULATOR)
    print(f"threads {torch.get_num_threads()}, {run.device}, {run.arithmetic}")
    seen = f"{run.windows} windows, {run.pixels / 1e6:.1f} megapixels"
    print(f"network      {network / options.slices:7.3f} s/slice ({seen})")
    print(f"all the rest {rest / options.slices:7.3f} s/slice")
    for stage, value in seconds.items():
        print(f"  {stage:<10} {value:7.2f} s")
    if run.peak_memory_mb is not None:
        print(f"peak memory  {run.peak_memory_mb / 1000:7.2f} GB")
    for name, value in peaks.items():
        print(f"matrix product {name}: {value:.0f} GFLOP/s")
    share = f"{reached / peak:.0%} of the {run.arithmetic} peak"
    print(f"network reaches {reached:.0f} GFLOP/s, {share}")


if __name__ == "__main__":
    main()
