"""Which slices of a knee lie at the joint line, told from the truth's bone area alone.

From the shaft towards the joint the bone's area grows to the condyles or the tibial plateau and
falls to a few rims and the intercondylar eminence where one bone ends and the other begins. The
joint level is the bottom of that valley.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

REACH_LEVELS = 2
SHALLOWEST = 0.25


def joint_level(area_px: Mapping[int, int]) -> int | None:
    """The level at the bottom of the deepest valley of bone area, None where there is none.

    A level's depth is how far its area lies below the lower of the largest areas on its two
    sides. A valley of less than a quarter of that shoulder is no joint line: a shaft alone, or a
    joint in a gap between the labelled levels.
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
