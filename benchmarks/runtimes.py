"""What a window and a slice cost in each runtime, in CPU time, beside one matrix product.

    OMP_NUM_THREADS=1 .venv/bin/python -m benchmarks.runtimes

The shipped network, and a fresh lean one whose mask means nothing. Each size has come before it is
timed. The last column is a first run of 288 × 224 pixels, about as many as 256 × 256: the runtime
makes its plans.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from afunet.inference.cpu import this_cpu
from afunet.inference.engines.engine import Float32Array
from afunet.inference.engines.runtimes import RUNTIMES
from afunet.inference.engines.ways import BFLOAT16, FLOAT32
from afunet.models.checkpoint import load_checkpoint, save_checkpoint
from afunet.models.export import export_onnx
from afunet.models.header import Header
from afunet.models.network_file import NetworkFile, load_network_file
from afunet.models.registry import build_model
from afunet.models.shipped import shipped_path
from benchmarks.bench import parser_of, print_heading, print_row

LEAN = {"width": 16, "dasp_growth": 0.5, "space_to_depth": 2}
PRODUCT = 4096


def main(argv: Sequence[str] | None = None) -> None:
    """Print a table for each network."""
    parser = parser_of(__doc__)
    parser.add_argument("--sizes", type=int, nargs=2, default=(256, 512))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--product", type=int, default=PRODUCT)
    options = parser.parse_args(argv)
    product = product_seconds(options.product, options.rounds)
    print(f"{this_cpu().model}: a product of {options.product}³ takes {product:.2f} core-seconds")
    with TemporaryDirectory() as folder:
        for name, file in {
            "shipped": load_network_file(shipped_path()),
            "lean": lean(Path(folder)),
        }.items():
            print(f"\n### {name}\n")
            table(file, options.sizes, options.rounds, product)


def table(file: NetworkFile, sizes: Sequence[int], rounds: int, product: float) -> None:
    """A row for each runtime and number format; ms, and the share of one product."""
    columns = [f"{size} px, {what}:" for size in sizes for what in ("ms", "of a product")]
    print_heading("runtime", *columns, "a new size, ms:")
    for name, arithmetic in ways():
        engine = RUNTIMES[name].open(file, "cpu", arithmetic)
        cells: list[str] = []
        for size in sizes:
            window = drawn(size, size)
            engine.run(window)
            seconds = least(partial(engine.run, window), rounds)
            cells += [f"{1000 * seconds:.0f}", f"{seconds / product:.3f}"]
        fresh = partial(engine.run, drawn(sizes[0] + 32, sizes[0] - 32))
        print_row(f"{name} {arithmetic}", *cells, f"{1000 * least(fresh, 1):.0f}")


def ways() -> list[tuple[str, str]]:
    """Runtimes that are installed, and the number formats that this processor has."""
    found = []
    for name, runtime in RUNTIMES.items():
        if runtime.installed:
            found.append((name, FLOAT32))
            if runtime.bfloat16 and this_cpu().has_bfloat16:
                found.append((name, BFLOAT16))
    return found


def lean(folder: Path) -> NetworkFile:
    """A network with fresh weights."""
    header = Header("afunet", LEAN, (-300.0, 1300.0), (0.3, 1.0), 256)
    path = folder / "lean.safetensors"
    save_checkpoint(path, build_model("afunet", LEAN, seed=0), header)
    export_onnx(load_checkpoint(path), path.with_suffix(".onnx"))
    return load_network_file(path)


def drawn(rows: int, columns: int) -> Float32Array:
    """One window of noise."""
    return np.random.default_rng(0).random((1, 1, rows, columns), dtype=np.float32)


def least(run: Callable[[], object], rounds: int) -> float:
    """CPU seconds of the fastest of several runs."""
    seconds = []
    for _ in range(rounds):
        start = time.process_time()
        run()
        seconds.append(time.process_time() - start)
    return min(seconds)


def product_seconds(size: int, rounds: int) -> float:
    """CPU seconds of a float32 matrix product."""
    matrix = np.random.default_rng(0).random((size, size), dtype=np.float32)
    return least(lambda: matrix @ matrix, rounds)


if __name__ == "__main__":
    main()
