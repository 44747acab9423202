"""A metric: a formula with its title, best and worst value and unit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Metric(Generic[T]):
    """A number that compares a prediction with the ground truth, computed by `formula`.

    `title` is the heading of its column. Equal masks get `best`, two empty masks too; a prediction
    without any voxel of the structure gets `worst`. `unit` is "mm", or empty for a share from 0
    to 1. `symmetric` means that prediction and ground truth can be exchanged.
    """

    formula: Callable[[T], float]
    title: str
    best: float = 1.0
    worst: float = 0.0
    unit: str = ""
    symmetric: bool = True

    def __call__(self, of: T) -> float:
        """The value of the formula."""
        return self.formula(of)
