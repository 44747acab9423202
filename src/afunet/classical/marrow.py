"""From dense pixels to whole bones: filling the cavities inside thin walls with gaps.

A plain closing would also bridge the joint space between two bones. Here a closing only finds
the cavities, and its bridges are kept only where they border on a cavity. Small gaps are closed
first, so that a fibula is filled before a closing wide enough for a femur fills it completely.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from afunet.classical.morphology import Mask, closed, dilated, holes_filled


def whole_bones(dense: Mask, gap_px: int) -> Mask:
    """`dense` (H, W) with cavities filled; gaps too narrow for a disc of `gap_px` are closed."""
    bones = holes_filled(dense)
    for radius in _doubling(gap_px):
        walls = closed(bones, radius)
        cavities = holes_filled(walls) & ~walls
        lining = walls & dilated(cavities, 2 * radius)
        bones = holes_filled(np.asarray(bones | cavities | lining))
    return bones


def _doubling(last: int) -> Iterator[int]:
    """1, 2, 4 … below `last`, then `last`."""
    radius = 1
    while radius < last:
        yield radius
        radius *= 2
    yield last
