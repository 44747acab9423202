"""Iterative threshold with morphology.

One threshold for the slice: it starts high and moves halfway between the mean of the values above
it and the mean of those below, until it no longer changes. Fat would pull it down into the muscle,
cortex and metal up above trabecular bone, so values are clipped to two bounds. Morphology then
closes gaps in the cortex, fills cavities and removes specks.

Source: T. W. Ridler, S. Calvard, "Picture thresholding using an iterative selection method",
IEEE Transactions on Systems, Man, and Cybernetics 8 (1978) 630–632. The bounds and the
morphology are ours; this is not the code of the AFU-Net authors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afunet.classical.body import HuSlice, find_body
from afunet.classical.marrow import whole_bones
from afunet.classical.morphology import without_small_pieces


@dataclass(frozen=True)
class IterativeThresholdRules:
    """Thresholds in HU, lengths as shares of the body's width.

    Values are clipped to `bounds_hu`. The iteration ends at a step of `tolerance_hu` or less. Gaps
    in a bone's wall are closed if a disc of radius `gap` does not fit through them. A piece is
    removed if its area is below that of a square of side `speck`.
    """

    start_hu: float = 250.0
    bounds_hu: tuple[float, float] = (0.0, 300.0)
    tolerance_hu: float = 0.5
    gap: float = 0.05
    speck: float = 0.02


def iterative_threshold(
    image: NDArray[np.float32], rules: IterativeThresholdRules | None = None
) -> NDArray[np.uint8]:
    """Slice (H, W) in [0, 1] → mask (H, W) 0/1; empty if nothing is above `start_hu`."""
    rules = rules or IterativeThresholdRules()
    body = find_body(image)
    if body is None:
        return np.zeros(image.shape, dtype=np.uint8)
    dense = body.mask & (body.hu > select_threshold(body.hu[body.mask], rules))
    bones = whole_bones(dense, body.px(rules.gap))
    return body.in_slice(without_small_pieces(bones, (rules.speck * body.width_px) ** 2))


def select_threshold(hu: HuSlice, rules: IterativeThresholdRules) -> float:
    """The threshold in HU that iterative selection finds; stops when one side is empty."""
    bounded = np.clip(hu, *rules.bounds_hu)
    threshold, step = rules.start_hu, np.inf
    while step > rules.tolerance_hu:
        above = bounded > threshold
        if above.all() or not above.any():
            return threshold
        halfway = float(bounded[above].mean() + bounded[~above].mean()) / 2
        threshold, step = halfway, abs(halfway - threshold)
    return threshold
