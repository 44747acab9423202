"""The expected Dice as an interval, fitted for one set of weights on cases with ground truth.

Linear functions of the logarithms of a slice's signs of doubt (`afunet.inference.trust.doubt`) give
its low, middle and high Dice; their means over the slices, with factors, give those of the scan.
`experiments/fit_confidence.py` fits the numbers; they lie beside the weights, matched by SHA-256.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import ceil, floor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from afunet.errors import CheckpointError, ConfigError
from afunet.plain import from_plain

FloatArray = NDArray[np.float64]
Three = tuple[float, float, float]
HUNDRED = 100  # ends are rounded to hundredths: no label is exact to thousandths
SUFFIX = ".confidence.json"


@dataclass(frozen=True)
class DiceInterval:
    """An interval of Dice that holds the true one as often as the model's coverage says."""

    low: float
    middle: float
    high: float

    def __str__(self) -> str:
        """The interval in words, such as `0.95 to 0.98`."""
        low, high = f"{self.low:.2f}", f"{self.high:.2f}"
        return low if low == high else f"{low} to {high}"


@dataclass(frozen=True)
class DiceModel:
    """Turns signs of doubt into an interval, for the weights with one digest.

    `lines` has rows for the low, middle and high Dice: a constant and a weight for each of `signs`.
    `factors` turn the slices' mean errors into the scan's low, middle and high error. `usual` and
    `most` are the medians and maxima of the signs over all fitted scans. No expected Dice exceeds
    `best`, because labels are not more exact. `coverage` is the share of cases whose true Dice
    should lie in the interval.
    """

    sha256: str
    coverage: float
    best: float
    signs: tuple[str, ...]
    lines: tuple[tuple[float, ...], ...]
    factors: Three
    usual: tuple[float, ...]
    most: tuple[float, ...]

    def slice_intervals(self, logs: FloatArray) -> tuple[DiceInterval, ...]:
        """The interval of each slice, from logarithms of its signs (slices, signs)."""
        return tuple(self._interval(*row) for row in self._errors(logs))

    def scan_interval(self, logs: FloatArray, pixels: Sequence[int]) -> DiceInterval | None:
        """The interval of the scan, with slices weighted by pixels; None without slices."""
        if len(logs) == 0:
            return None
        errors = np.average(self._errors(logs), axis=0, weights=pixels)
        return self._interval(*(errors * np.array(self.factors)))

    def _errors(self, logs: FloatArray) -> FloatArray:
        """One minus the low, middle and high Dice of each slice, (slices, 3)."""
        columns = np.hstack([np.ones((len(logs), 1)), logs])
        return np.asarray(np.clip(np.exp(columns @ np.array(self.lines).T), 1 - self.best, 1))

    def _interval(self, low: float, middle: float, high: float) -> DiceInterval:
        """Turn errors into Dice: sorted, from 0 to `best`, the ends rounded outwards."""
        ordered = sorted(
            min(max(1 - float(error), 0.0), self.best) for error in (low, middle, high)
        )
        least, likeliest, most = ordered
        return DiceInterval(
            floor(round(least * HUNDRED, 6)) / HUNDRED,
            likeliest,
            min(ceil(round(most * HUNDRED, 6)) / HUNDRED, self.best),
        )


def write_model(model: DiceModel, path: Path) -> None:
    """Write the model as JSON."""
    path.write_text(json.dumps(asdict(model), indent=2) + "\n", encoding="utf-8")


def read_model(path: Path) -> DiceModel:
    """Read a model; raises `CheckpointError` if the file holds none."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        return _checked(from_plain(DiceModel, raw, "the model"))
    except (OSError, ValueError, ConfigError) as error:
        raise CheckpointError(
            f"{path.name} is not a model of the expected Dice: {error}", code="WEIGHTS_BROKEN"
        ) from error


def model_beside(weights: Path, sha256: str) -> DiceModel | None:
    """Find the model fitted for weights with this digest, beside their file or in the package.

    Raises `CheckpointError` if the file beside them was fitted for other weights.
    """
    folder, beside = Path(__file__).with_name("weights"), weights.with_suffix(SUFFIX)
    if beside.is_file() and (model := read_model(beside)).sha256 != sha256:
        raise CheckpointError(
            f"{beside.name} was fitted for the weights {model.sha256[:12]}…, but {weights.name} "
            f"has {sha256[:12]}…: remove it, or fit it for these weights",
            code="WEIGHTS_MISFIT",
        )
    paths = (beside, *sorted(folder.glob(f"*{SUFFIX}")))
    models = (read_model(path) for path in paths if path.is_file())
    return next((model for model in models if model.sha256 == sha256), None)


def _checked(model: DiceModel) -> DiceModel:
    shapes = [len(line) for line in model.lines]
    if shapes != [len(model.signs) + 1] * 3:
        raise ValueError("expected three lines, each a constant and a weight for every sign")
    if not len(model.usual) == len(model.most) == len(model.signs):
        raise ValueError("expected a usual and a largest value for every sign")
    if not np.isfinite([*np.ravel(model.lines), *model.factors, *model.usual, *model.most]).all():
        raise ValueError("expected finite numbers only")
    return model
