"""The Dice to expect, as an interval: fitted on cases whose bone is known, for one set of weights.

Lines through the logarithms of a slice's signs of doubt (`afunet.inference.trust.doubt`) give its
low, middle and high Dice; the scan's comes of the slices' middles together. The numbers are fitted
by `experiments/fit_confidence.py` and lie beside the weights, matched by SHA-256.
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
HUNDRED = 100  # the ends are told in hundredths: no label tells thousandths
SUFFIX = ".confidence.json"


@dataclass(frozen=True)
class DiceInterval:
    """A Dice that lies between `low` and `high` as often as the model's coverage says."""

    low: float
    middle: float
    high: float

    def __str__(self) -> str:
        """The interval as it is shown: `0.95 to 0.98`."""
        low, high = f"{self.low:.2f}", f"{self.high:.2f}"
        return low if low == high else f"{low} to {high}"


@dataclass(frozen=True)
class DiceModel:
    """How signs of doubt become an interval, for the weights of one digest.

    `signs` names the columns of `lines`, each (constant, weight of each sign) for the low, middle
    and high Dice; `factors` turn the slices' mean middle error into the scan's low, middle and
    high one. `usual` and `most` are the signs' medians and largest of all scans it was fitted on.
    No expected Dice exceeds `best`: labels cannot tell more. `coverage` is the share of cases whose
    true Dice should lie in the interval.
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
        """Of slices (slices, signs) by the logarithms of their signs, in the order of `signs`."""
        return tuple(self._interval(*row) for row in self._errors(logs))

    def scan_interval(self, logs: FloatArray, pixels: Sequence[int]) -> DiceInterval | None:
        """Of all slices together, weighed by the pixels of their masks; None without any."""
        if len(logs) == 0:
            return None
        errors = np.average(self._errors(logs), axis=0, weights=pixels)
        return self._interval(*(errors * np.array(self.factors)))

    def _errors(self, logs: FloatArray) -> FloatArray:
        """(slices, 3) of the low, the middle and the high Dice."""
        columns = np.hstack([np.ones((len(logs), 1)), logs])
        return np.asarray(np.clip(np.exp(columns @ np.array(self.lines).T), 1 - self.best, 1))

    def _interval(self, low: float, middle: float, high: float) -> DiceInterval:
        """Errors as Dice: in order, none below 0 or above `best`, the ends rounded outwards."""
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
    """As JSON."""
    path.write_text(json.dumps(asdict(model), indent=2) + "\n", encoding="utf-8")


def read_model(path: Path) -> DiceModel:
    """The model of a file; `CheckpointError` in one line for anything else."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        return _checked(from_plain(DiceModel, raw, "the model"))
    except (OSError, ValueError, ConfigError) as error:
        raise CheckpointError(
            f"{path.name} holds no model of the expected Dice: {error}", code="WEIGHTS_BROKEN"
        ) from error


def model_beside(weights: Path, sha256: str) -> DiceModel | None:
    """The model fitted for weights of this digest: beside their file, or among those shipped."""
    shipped = Path(__file__).with_name("weights").glob(f"*{SUFFIX}")
    beside = weights.with_suffix(SUFFIX)
    models = (read_model(path) for path in (beside, *sorted(shipped)) if path.is_file())
    return next((model for model in models if model.sha256 == sha256), None)


def _checked(model: DiceModel) -> DiceModel:
    shapes = [len(line) for line in model.lines]
    if shapes != [len(model.signs) + 1] * 3:
        raise ValueError("three lines of a constant and a weight of each sign are expected")
    if not len(model.usual) == len(model.most) == len(model.signs):
        raise ValueError("a usual and a largest value of each sign are expected")
    if not np.isfinite([*np.ravel(model.lines), *model.factors, *model.usual, *model.most]).all():
        raise ValueError("a number is not finite")
    return model
