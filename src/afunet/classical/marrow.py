"""From dense pixels to whole bones: the cavities inside thin, broken walls are filled.

A plain closing would also bridge the joint space between two bones. Here the closing only finds
the cavities: gaps in the wall are bridged, the enclosed areas filled, and the bridge is kept only
where it borders on a cavity.
"""

from __future__ import annotations

import numpy as np

from afunet.classical.morphology import Mask, closed, dilated, holes_filled


def whole_bones(dense: Mask, gap_px: int) -> Mask:
    """`dense` (H, W) and the cavities enclosed by it, its walls mended over gaps up to 2 radii."""
    bones = holes_filled(dense)
    for radius in _radii(gap_px):
        walls = closed(bones, radius)
        cavities = holes_filled(walls) & ~walls
        lining = dilated(cavities, 2 * radius) & walls
        bones = holes_filled(np.asarray(bones | cavities | lining))
    return bones


def _radii(largest):
    radii = [1]
    while radii[-1] < largest:
        radii.append(min(largest, 2 * radii[-1]))
    return radii
