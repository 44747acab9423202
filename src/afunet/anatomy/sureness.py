"""How often a name with such evidence is right: logistic regressions, one a bone and one for sides.

Fitted on pieces of cut limbs whose names are known (`experiments/fit_name_sureness.py`). Evidence
outside of what was fitted on counts as its nearest bound.
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
    """Weights (classes, 1 + 2 · features) over a constant, standardised evidence, its squares."""

    features: tuple[str, ...]
    low: FloatArray
    high: FloatArray
    weights: FloatArray

    def standardised(self, values: FloatArray) -> FloatArray:
        """Evidence (N, features) on -1 to 1, with a constant before it and its squares behind."""
        middle, half = (self.low + self.high) / 2, np.maximum((self.high - self.low) / 2, 1e-6)
        scaled = ((values - middle) / half).clip(-1, 1)
        return np.concatenate([np.ones((len(values), 1)), scaled, scaled**2], axis=1)

    def sureness(self, best: NDArray[np.int64], values: FloatArray) -> FloatArray:
        """How often (N,) a name of class `best` (N,) with evidence (N, features) is right."""
        told = np.einsum("ij,ij->i", self.standardised(values), self.weights[best])
        return np.asarray(expit(told), dtype=np.float64)

    @classmethod
    def read(cls, entry: Mapping[str, Any]) -> Judge:
        """From JSON."""
        arrays = (np.asarray(entry[name], dtype=np.float64) for name in ("low", "high", "weights"))
        return cls(tuple(entry["features"]), *arrays)

    def written(self) -> dict[str, Any]:
        """For JSON."""
        arrays = {
            name: getattr(self, name).round(4).tolist() for name in ("low", "high", "weights")
        }
        return {"features": list(self.features), **arrays}


@dataclass(frozen=True, eq=False)
class Judges:
    """Who tells the sureness of bones and who that of sides, for the `classes` of one network."""

    classes: tuple[str, ...]
    bone: Judge
    side: Judge

    @classmethod
    def load(cls, path: Path) -> Judges:
        """Raises `CheckpointError` for anything but an intact file."""
        try:
            entries = json.loads(path.read_text(encoding="utf-8"))
            bone, side = Judge.read(entries["bone"]), Judge.read(entries["side"])
            return cls(tuple(entries["classes"]), bone, side)
        except (OSError, ValueError, KeyError, TypeError) as error:
            reason = str(error).splitlines()[0]
            raise CheckpointError(
                f"{path.name} holds no sureness of names: {reason}", code="WEIGHTS_BROKEN"
            ) from error

    def save(self, path: Path, facts: Mapping[str, Any]) -> None:
        """Write them with `facts` about how they were fitted."""
        entries = {"classes": list(self.classes), "fit": dict(facts)}
        entries |= {"bone": self.bone.written(), "side": self.side.written()}
        path.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
