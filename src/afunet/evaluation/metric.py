"""What a table of metrics holds: a formula, and what a reader must know of its values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Metric(Generic[T]):
    """A number for a prediction and a truth, computed from what `formula` takes.

    `title` heads its column. `best` is what equal masks get, `worst` what a prediction without
    any voxel of the structure gets; two empty masks get `best`. `unit` is "mm" or, for a share
    from 0 to 1, empty. `symmetric` says that prediction and truth may change places.
    """

    formula: Callable[[T], float]
    title: str
    best: float = 1.0
    worst: float = 0.0
    unit: str = ""
    symmetric: bool = True

    def __call__(self, of: T) -> float:
        """The formula's value."""
        return self.formula(of)
