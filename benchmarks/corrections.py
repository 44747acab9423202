"""CPU time of corrections of a served case, in a warm process, beside a product of matrices.

`python -m benchmarks.corrections DATA/users/NAME/cases/ID`, and the case itself is not changed; or
`python -m benchmarks.corrections SCAN`, a file that is segmented first.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from typing import Any

import numpy as np

from afunet.server.correcting import corrected, finished, painted, undone
from afunet.server.home import CaseFolder
from afunet.server.nifti_stream import ras_view
from afunet.server.tasks import segment
from afunet.server.view import kept_labels, version_of
from afunet.watch import Watch
from benchmarks.bench import parser_of

SIZE, SIDE, SLICES = 4096, 30, 3


def main(argv: list[str] | None = None) -> None:
    """Print the CPU seconds of each correction, of its undoing, and of what is made later."""
    parser = parser_of(__doc__)
    parser.add_argument("case", type=Path, help="a segmented case of afunet serve, or a scan")
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="afunet-corrections-") as folder:
        case = CaseFolder(Path(folder) / "case")
        if given.case.is_dir():
            shutil.copytree(given.case, case.path)
        else:
            _segmented(given.case, case)
        matrix = np.ones((SIZE, SIZE), np.float32)
        print(f"a product of {SIZE}³: {cpu_seconds(lambda: matrix @ matrix):.2f} s", flush=True)
        largest, other, *_ = sizes_of(case)
        _timed(
            case, "rename (the first, which warms the process)", corrected, _rename(other, "left")
        )
        for name, task, asked in (
            ("rename", corrected, _rename(other, "right")),
            ("join the two largest", corrected, {"kind": "join", "pieces": [largest, other]}),
            ("erase", corrected, {"kind": "erase", "pieces": [other]}),
            ("paint", painted, _stroke(case, largest)),
        ):
            _timed(case, name, task, asked)
            _timed(case, "  made later", finished, {})
            _timed(case, "  undo", undone, {})


def _segmented(scan: Path, case: CaseFolder) -> None:
    """Make a case of a scan."""
    case.input.mkdir(parents=True)
    shutil.copy(scan, case.input)
    asked = {"case": str(case.path), "series": "", "fast": True, "title": "scan"}
    segment(asked, Watch())


def sizes_of(case: CaseFolder) -> list[int]:
    """The labels of a case, the largest piece first."""
    counts = np.bincount(kept_labels(case, version_of(case)).voxels.ravel())[1:]
    return [int(label) + 1 for label in np.argsort(-counts) if counts[label]]


def cpu_seconds(run: Callable[[], object]) -> float:
    """The CPU seconds that something takes, with its child processes."""
    before = _spent()
    run()
    return _spent() - before


def _spent() -> float:
    return sum(sum(getrusage(who)[:2]) for who in (RUSAGE_SELF, RUSAGE_CHILDREN))


def _rename(label: int, side: str) -> dict[str, Any]:
    return {"kind": "rename", "pieces": [label], "name": f"{side} patella"}


def _stroke(case: CaseFolder, label: int) -> dict[str, Any]:
    """A square of a few slices in the middle of the volume, painted as one piece."""
    ras = ras_view(kept_labels(case, version_of(case)))
    first, row, column = (size // 2 for size in ras.shape)
    slab = np.array(ras.voxels[first : first + SLICES])
    slab[:, row : row + SIDE, column : column + SIDE] = label
    path = case.view / "stroke.raw"
    slab.tofile(path)
    wide = slab.dtype.itemsize == 2
    return {"painted": str(path), "first": first, "last": first + SLICES - 1, "wide": wide}


def _timed(case: CaseFolder, name: str, task: Callable[..., object], asked: dict[str, Any]) -> None:
    plain = {"case": str(case.path), "by": "bench", "seeds_mm": [], "name": ""}
    request = plain | {"version": version_of(case)} | asked
    print(f"{name}: {cpu_seconds(lambda: task(request, Watch())):.2f} s", flush=True)


if __name__ == "__main__":
    main()
