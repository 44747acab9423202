"""How one row is measured: CPU time, wall time, operations, beside one matrix product."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

TURNS, ENOUGH_S = 3, 2.0


@dataclass(frozen=True, eq=False)
class Work:
    """What a row runs.

    `unit` is one pass, to warm up and to count operations. `run` is what is timed: `units` such
    passes. A slice of a whole scan takes `per_slice` passes. `said` tells what was timed;
    `score` is called at the end and returns the Dice, None without trained weights.
    """

    unit: Callable[[], object]
    run: Callable[[], object]
    units: int
    per_slice: float
    said: str
    arithmetic: str = "float32"
    score: Callable[[], float | None] = lambda: None


@dataclass(frozen=True)
class Measured:
    """A row: seconds and 10⁹ operations per slice; `product_s` is that of one matrix product."""

    cpu_s: float
    wall_s: float
    product_s: float
    gflop: float | None
    dice: float | None
    arithmetic: str
    said: str
    sha256: str = ""

    @property
    def products(self) -> float:
        """CPU time of a slice in matrix products."""
        return self.cpu_s / self.product_s


def measure(work: Work, product: int, sha256: str = "") -> Measured:
    """Warm up, then take the shortest of three runs, or of fewer if they are long."""
    gflop = _counted(work.unit) * work.per_slice
    product_s = _product_s(product)
    cpu_s, wall_s = _shortest(work.run)
    scale = work.per_slice / work.units
    return Measured(
        cpu_s * scale,
        wall_s * scale,
        product_s,
        gflop or None,
        work.score(),
        work.arithmetic,
        work.said,
        sha256,
    )


def _counted(unit: Callable[[], object]) -> float:
    """10⁹ operations of convolutions and matrix products in PyTorch; 0 in another runtime."""
    with FlopCounterMode(display=False) as counter:
        unit()
    return float(counter.get_total_flops()) / 1e9


def _product_s(size: int) -> float:
    """CPU time of one float32 product of two square matrices, warmed up on smaller ones."""
    a, b = torch.rand(size, size), torch.rand(size, size)
    a[: size // 4] @ b
    return _shortest(lambda: a @ b, turns=1)[0]


def _shortest(run: Callable[[], object], turns: int = TURNS) -> tuple[float, float]:
    """CPU and wall seconds, each the least of some turns."""
    cpu: list[float] = []
    wall: list[float] = []
    while len(wall) < turns and sum(wall) < ENOUGH_S:
        cpu_start, wall_start = time.process_time(), time.perf_counter()
        run()
        cpu.append(time.process_time() - cpu_start)
        wall.append(time.perf_counter() - wall_start)
    return min(cpu), min(wall)
