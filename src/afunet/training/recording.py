"""What a run records during training: numbers in CSV files, and a recorder such as TensorBoard."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

LOG = "log.csv"
VALIDATION = "validation.csv"


class Recorder(Protocol):
    """Receives every number of a run and pictures of its validation."""

    def scalar(self, name: str, value: float, step: int) -> None:
        """Record a number after `step` steps."""

    def picture(self, name: str, rgb: NDArray[np.uint8], step: int) -> None:
        """Record a picture (H, W, 3) after `step` steps."""


class NoRecorder:
    """A recorder that shows nothing; the numbers are in the CSV files."""

    def scalar(self, name: str, value: float, step: int) -> None:
        """Do nothing."""

    def picture(self, name: str, rgb: NDArray[np.uint8], step: int) -> None:
        """Do nothing."""


class CsvLog:
    """The run's `log.csv` (every step) and `validation.csv`; the first column is the step."""

    def __init__(self, run: Path) -> None:
        self._run = run

    def step(self, step: int, loss: float, rate: float) -> None:
        """Add a row to `log.csv`."""
        self._append(LOG, ("step", "loss", "learning_rate"), (step, f"{loss:.6f}", f"{rate:.8f}"))

    def validation(self, step: int, dice: float) -> None:
        """Add a row to `validation.csv`."""
        self._append(VALIDATION, ("step", "dice"), (step, f"{dice:.6f}"))

    def forget_after(self, step: int) -> None:
        """Remove the rows after a checkpoint's step: those steps are run and logged again."""
        for name in (LOG, VALIDATION):
            path = self._run / name
            if path.exists():
                heading, *rows = path.read_text().splitlines(keepends=True)
                kept = [row for row in rows if row.endswith("\n") and _step_of(row) <= step]
                path.write_text("".join([heading, *kept]))

    def _append(self, name: str, heading: tuple[str, ...], row: tuple[object, ...]) -> None:
        path = self._run / name
        new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(heading)
            writer.writerow(row)


def losses_in(path: Path) -> list[float]:
    """The loss of every step in a `log.csv`."""
    with path.open(newline="") as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


def _step_of(row: str) -> int:
    return int(row.split(",", 1)[0])
