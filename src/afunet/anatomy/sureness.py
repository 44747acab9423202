"""The confidence of names: how often a name with such evidence is right, by logistic regression.

There is one regression for each bone and one for sides. They were fitted on pieces of cut limbs
whose names are known (`experiments/fit_name_sureness.py`). Evidence outside the fitted range counts
as the nearest bound.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from afunet.errors import CheckpointError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Judge:
    """Logistic regressions, one for each class, on standardised evidence.

    `weights` (classes, 1 + 2 · features) belong to a constant, the evidence and its squares; `low`
    and `high` (features,) are the fitted range.
    """

    features: tuple[str, ...]
    low: FloatArray
    high: FloatArray
    weights: FloatArray

    def standardised(self, values: FloatArray) -> FloatArray:
        """A constant, the evidence (N, features) scaled to [-1, 1], and its squares."""
        middle, half = (self.low + self.high) / 2, np.maximum((self.high - self.low) / 2, 1e-6)
        scaled = ((values - middle) / half).clip(-1, 1)
        return np.concatenate([np.ones((len(values), 1)), scaled, scaled**2], axis=1)

    def sureness(self, best: NDArray[np.int64], values: FloatArray) -> FloatArray:
        """How often a name of class `best` (N,) with evidence (N, features) is right, (N,)."""
        told = np.einsum("ij,ij->i", self.standardised(values), self.weights[best])
        return np.asarray(expit(told), dtype=np.float64)

    @classmethod
    def read(cls, entry: Mapping[str, Any]) -> Judge:
        """Build from the JSON that `written` gives."""
        arrays = (np.asarray(entry[name], dtype=np.float64) for name in ("low", "high", "weights"))
        return cls(tuple(entry["features"]), *arrays)

    def written(self) -> dict[str, Any]:
        """Return the fields as JSON, rounded to 4 decimals."""
        arrays = {
            name: getattr(self, name).round(4).tolist() for name in ("low", "high", "weights")
        }
        return {"features": list(self.features), **arrays}


@dataclass(frozen=True, eq=False)
class Judges:
    """The regressions for bones and for sides, for the `classes` of one network."""

    classes: tuple[str, ...]
    bone: Judge
    side: Judge

    @classmethod
    def load(cls, path: Path) -> Judges:
        """Read a file; raises `CheckpointError` unless it is intact."""
        try:
            entries = json.loads(path.read_text(encoding="utf-8"))
            bone, side = Judge.read(entries["bone"]), Judge.read(entries["side"])
            return cls(tuple(entries["classes"]), bone, side)
        except (OSError, ValueError, KeyError, TypeError) as error:
            reason = str(error).splitlines()[0]
            raise CheckpointError(
                f"{path.name} is not an intact file of name confidence: {reason}",
                code="WEIGHTS_BROKEN",
            ) from error

    def save(self, path: Path, facts: Mapping[str, Any]) -> None:
        """Write the regressions as JSON, with `facts` about the fit."""
        entries = {"classes": list(self.classes), "fit": dict(facts)}
        entries |= {"bone": self.bone.written(), "side": self.side.written()}
        path.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
