"""Find pieces along the edge of an image that a scanner or program filled with one value."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from afunet.formats.slice_values import FEWEST_PIXELS

# A value was filled in if it covers this share of the edge, in pieces of at least that share.
MOST_OF_ONE_VALUE, LEAST_OF_EDGE = 0.2, 0.02
BRIGHT_HU = 300.0


def bright_filling(hu: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Where one value as bright as bone fills an image (row, column) from its edge, or None.

    Scanners leave the corners of a round field dark; some programs fill them with the largest
    number, or with the bits of a negative one. Images of fewer than 1,600 pixels are skipped.
    """
    if hu.size < FEWEST_PIXELS:
        return None
    edge = edge_of(hu)
    values, counts = np.unique(edge, return_counts=True)
    most = int(counts.argmax())
    if values[most] <= BRIGHT_HU or counts[most] < MOST_OF_ONE_VALUE * edge.size:
        return None
    filling = large_at_edge(np.asarray(hu == values[most]))
    return None if filling.all() else filling


def large_at_edge(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pieces of a mask that touch the image's edge along at least 2 % of it."""
    pieces, count = label(mask)
    along = np.bincount(edge_of(pieces), minlength=count + 1)
    large = np.flatnonzero(along >= LEAST_OF_EDGE * along.sum())
    return np.asarray(np.isin(pieces, large[large > 0]))


def touching_edge(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pieces of a mask that touch the image's edge at all."""
    pieces, _ = label(mask)
    edge = edge_of(pieces)
    return np.asarray(np.isin(pieces, edge[edge > 0]))


def edge_of(image: NDArray[Any]) -> NDArray[Any]:
    """The pixels along the four sides, corners twice."""
    return np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
