import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from afunet.data.cases import read_slice_table
from afunet.evaluation.joint_line import joint_level, joint_line

DATA = Path(os.environ.get("AFUNET_DATA", "../shared/data"))


def test_the_joint_is_the_bottom_of_the_valley_between_two_bones() -> None:
    area = dict(enumerate([40, 80, 100, 60, 20, 50, 90, 70, 15]))
    assert joint_level(area) == 4  # the last level has less bone, but nothing beyond it
    assert joint_line(area) == {2, 3, 4, 5, 6}


def test_the_deepest_valley_counts_not_the_lowest_level() -> None:
    """Depths below the lower shoulder: level 1 lies 20 below 30, level 4 lies 60 below 100."""
    assert joint_level(dict(enumerate([30, 10, 100, 120, 40, 110]))) == 4


def test_a_shaft_alone_has_no_joint_line() -> None:
    assert joint_level(dict(enumerate([50, 48, 52, 51, 49]))) is None
    assert joint_level(dict(enumerate([10, 20, 30]))) is None
    assert joint_line({}) == frozenset()
    assert joint_level({3: 0, 4: 0}) is None


def test_levels_may_be_missing() -> None:
    assert joint_line({0: 90, 3: 100, 7: 30, 8: 60, 10: 95}) == {7, 8}


@pytest.mark.skipif(not (DATA / "knee").is_dir(), reason="no shared data: set AFUNET_DATA")
def test_on_real_knees_it_is_where_the_eye_sees_it() -> None:
    """Levels at which the pictures show tibial eminence and condylar rims side by side."""
    seen = {"knee03": 13, "knee04R": 16, "knee16L": 16, "knee33R": 14, "knee41": 14}
    area: dict[str, dict[int, int]] = {case: {} for case in seen}
    for record in read_slice_table(DATA / "knee"):
        if record.case in seen:
            with Image.open(record.mask) as mask:
                area[record.case][record.level] = int(np.count_nonzero(np.asarray(mask)))
    assert {case: joint_level(levels) for case, levels in area.items()} == seen
