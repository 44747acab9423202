"""Sequences of random numbers, one for each thing that is drawn."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from afunet.phantom.shapes.arrays import Rng


class Stream(IntEnum):
    """What is drawn; a number more drawn for one thing changes no other.

    The values are arbitrary and stay: another one draws every picture anew.
    """

    TEXTURES = 1
    LEG = 2
    WARP = 3
    LIMBS = 5
    FRACTURE = 7
    SURROUNDINGS = 11
    IMPLANT = 13
    SLICE = 17
    FURNISHING = 23
    SCANS = 41
    VIEWS = 43

    def of(self, seed: int, *more: int) -> Rng:
        """Its numbers for a seed."""
        return np.random.default_rng([seed, self.value, *more])
