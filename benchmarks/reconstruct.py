"""A mask of 512 × 512 × 300 voxels to labelled surfaces with measures, beside a plain VTK script.

    .venv/bin/python -m benchmarks.reconstruct [--mask MASK.nii.gz] [--runs 3]

Without `--mask` a fractured knee is simulated on that grid first (some minutes) and kept in
`runs/reconstruct-mask.nii.gz`. Both ways run in a process of their own on two threads:

* `afunet`: `reconstruct`, that is reading, splitting into pieces, a smoothed surface for the whole
  and for each piece, deviation from the mask, gaps, measures, STL, labels and the picture;
* `plain`: reading, VTK's marching cubes, windowed sinc smoothing, one STL.

Prints of both, run in turn: seconds (median, fastest, slowest), peak memory, pieces.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkFiltersCore import vtkMarchingCubes, vtkWindowedSincPolyDataFilter
from vtkmodules.vtkIOGeometry import vtkSTLWriter

from afunet.formats.nifti import write_nifti
from afunet.formats.readers import read_labels
from afunet.phantom import SIMULATOR, axial_grid, simulate
from afunet.phantom.drawing.examples import fractured_knee
from afunet.workflows.reconstruct import reconstruct
from benchmarks.bench import parser_of, print_heading, print_row

KEPT = Path("runs/reconstruct-mask.nii.gz")
GRID = axial_grid((300, 512, 512), 0.35, 0.4, (100.0, 10.0, 0.0))
WAYS = ("afunet", "plain")


def simulated_mask() -> Path:
    if not KEPT.exists():
        KEPT.parent.mkdir(parents=True, exist_ok=True)
        leg = simulate(replace(fractured_knee(), grid=GRID))
        write_nifti(leg.bones.foreground(), KEPT, "exact bone mask of a fractured knee")
    return KEPT


def plain(mask: Path, folder: Path) -> None:
    volume = read_labels(mask)
    image = vtkImageData()
    image.SetDimensions(*reversed(volume.shape))
    image.SetSpacing(*volume.spacing_mm)
    image.GetPointData().SetScalars(numpy_to_vtk((volume.voxels != 0).ravel().astype("u1")))
    cubes, sinc, writer = vtkMarchingCubes(), vtkWindowedSincPolyDataFilter(), vtkSTLWriter()
    cubes.SetInputData(image)
    cubes.SetValue(0, 0.5)
    sinc.SetInputConnection(cubes.GetOutputPort())
    sinc.SetNumberOfIterations(40)
    sinc.SetPassBand(0.05)
    sinc.NormalizeCoordinatesOn()
    writer.SetInputConnection(sinc.GetOutputPort())
    writer.SetFileTypeToBinary()
    writer.SetFileName(str(folder / "plain.stl"))
    writer.Write()


def measured(way: str, mask: Path) -> None:
    """Run one way in this process and print its seconds, pieces and peak memory as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        start, pieces = time.perf_counter(), 1
        if way == "plain":
            plain(mask, Path(folder))
        else:
            pieces = len(reconstruct(mask, Path(folder, "out")).instances.pieces)
        seconds = time.perf_counter() - start
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(json.dumps({"seconds": seconds, "peak_gb": peak_gb, "pieces": pieces}))


def alone(way: str, mask: Path) -> dict[str, float]:
    """What `measured` finds in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.reconstruct", "--way", way, "--mask", str(mask)]
    threads = {"OMP_NUM_THREADS": "2", "VTK_SMP_MAX_THREADS": "2"}
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, **threads}
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main(argv: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--mask", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--way", choices=WAYS, help="run this one alone, in this process")
    options = parser.parse_args(argv)
    mask = options.mask or simulated_mask()
    if options.way:
        measured(options.way, mask)
        return
    runs = [{way: alone(way, mask) for way in WAYS} for _ in range(options.runs)]
    print(f"{SIMULATOR}\n")
    print_heading("way", "seconds:", "fastest:", "slowest:", "peak GB:", "pieces:")
    for way in WAYS:
        seconds = sorted(run[way]["seconds"] for run in runs)
        middle, peak_gb = statistics.median(seconds), max(run[way]["peak_gb"] for run in runs)
        cells = [f"{value:.1f}" for value in (middle, seconds[0], seconds[-1])]
        print_row(way, *cells, f"{peak_gb:.2f}", f"{runs[0][way]['pieces']:.0f}")


if __name__ == "__main__":
    main()
