"""Each pixel is judged against its own neighbourhood, and growing starts where bone is sure."""

import numpy as np
import pytest

from afunet.classical.adaptive_threshold import AdaptiveThresholdRules, adaptive_threshold
from afunet.preprocessing import BONE_WINDOW


def slab(bone_hu: float, edge_hu: float) -> np.ndarray:
    """Muscle of 50 HU with a block of bone and one column of `edge_hu` at its right."""
    hu = np.full((60, 60), 50.0)
    hu[20:40, 20:40] = bone_hu
    hu[20:40, 40] = edge_hu
    return adaptive_threshold(BONE_WINDOW.to_unit(hu), AdaptiveThresholdRules(window=0.05))


@pytest.mark.parametrize(("bone_hu", "is_bone"), [(400, 1), (900, 0)])
def test_the_edge_lies_at_half_maximum_of_its_own_bone(bone_hu: float, is_bone: int) -> None:
    # Halfway from muscle: at most 225 HU beside 400; beside 900 the upper bound, 250, holds.
    assert slab(bone_hu, 240)[30, 40] == is_bone


def test_without_a_seed_nothing_grows() -> None:
    assert not slab(300, 50).any()
    assert slab(360, 50).any()
