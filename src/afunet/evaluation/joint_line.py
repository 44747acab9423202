"""Finding the slices at the joint line of a knee from the bone area of the ground truth.

From the shaft towards the joint, the bone area grows up to the condyles or the tibial plateau. It
falls where one bone ends and the other begins, to a few rims and the intercondylar eminence. The
joint level is the bottom of this valley.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

REACH_LEVELS = 2
SHALLOWEST = 0.25


def joint_level(area_px: Mapping[int, int]) -> int | None:
    """The level at the bottom of the deepest valley of bone area, None if there is none.

    The shoulder of a level is the smaller of the largest areas on its two sides; its depth is the
    shoulder minus its own area. A depth of less than a quarter of the shoulder is not a joint
    line: the slices show a shaft alone, or the joint lies between labelled levels.
    """
    levels = sorted(area_px)
    if not levels:
        return None
    area = np.array([area_px[level] for level in levels], dtype=np.int64)
    below = np.maximum.accumulate(area)
    above = np.maximum.accumulate(area[::-1])[::-1]
    shoulder = np.minimum(below, above)
    deepest = int(np.argmax(shoulder - area))
    if shoulder[deepest] - area[deepest] < SHALLOWEST * max(1, shoulder[deepest]):
        return None
    return levels[deepest]


def joint_line(area_px: Mapping[int, int]) -> frozenset[int]:
    """The levels within ±`REACH_LEVELS` of the joint level; empty without one."""
    middle = joint_level(area_px)
    if middle is None:
        return frozenset()
    return frozenset(level for level in area_px if abs(level - middle) <= REACH_LEVELS)
