"""Classical bone segmentation, with which the networks are compared.

The AFU-Net paper names three families of classical methods but gives neither code nor parameters.
Each file here implements one family from the publications that it cites, with parameters chosen on
training slices; none of it is code of the paper's authors. A method takes one axial slice (H, W),
float32 in [0, 1] (the bone window), and returns the mask (H, W) uint8 0/1 of whole bones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afunet.classical.adaptive_threshold import adaptive_threshold
from afunet.classical.clustering import clustering
from afunet.classical.iterative_threshold import iterative_threshold


@dataclass(frozen=True)
class Method:
    """A function from a slice (H, W) in [0, 1] to its mask (H, W) 0/1, and its source."""

    segment: Callable[[NDArray[np.float32]], NDArray[np.uint8]]
    source: str


CLASSICAL: dict[str, Method] = {
    "adaptive_threshold": Method(
        adaptive_threshold,
        "after Zhang, Yan, Chui, Ong, Comput Biol Med 40:231 (2010)",
    ),
    "iterative_threshold": Method(
        iterative_threshold,
        "after Ridler, Calvard, IEEE Trans Syst Man Cybern 8:630 (1978)",
    ),
    "clustering": Method(
        clustering,
        "after Krčah, Székely, Blanc, IEEE ISBI (2011), and Lloyd, IEEE Trans Inf Theory 28 (1982)",
    ),
}

__all__ = ["CLASSICAL", "Method"]
