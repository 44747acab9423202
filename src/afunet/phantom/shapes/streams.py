"""Independent sequences of random numbers, one for each kind of object."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from afunet.phantom.shapes.arrays import Rng


class Stream(IntEnum):
    """The kinds of objects; drawing more numbers for one does not change the others.

    The values are arbitrary, but must not change: another value would change every picture.
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
    JOINT_TISSUE = 47
    BROKEN_BONES = 53

    def of(self, seed: int, *more: int) -> Rng:
        """The random numbers of this stream for a seed."""
        return np.random.default_rng([seed, self.value, *more])
