import numpy as np
import pytest

from afunet.geometry import bounding_box, box_round, box_within, common_box, label_boxes
from afunet.geometry.box import boxes_in_order


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int32, np.uint16])
def test_every_label_has_its_box(kind: type) -> None:
    labels = np.zeros((3, 4, 5), kind)
    labels[1, 2, 3] = labels[2, 2, 1] = 2
    labels[0, 0, 4] = 7
    assert label_boxes(labels) == {
        2: (slice(1, 3), slice(2, 3), slice(1, 4)),
        7: (slice(0, 1), slice(0, 1), slice(4, 5)),
    }
    assert label_boxes(np.zeros((1, 2, 3), kind)) == {}
    assert boxes_in_order(labels)[0] is None
    assert len(boxes_in_order(labels)) == 7


def test_the_box_round_two_holds_both() -> None:
    first = (slice(1, 3), slice(2, 3), slice(0, 4))
    other = (slice(0, 2), slice(2, 6), slice(1, 2))
    assert box_round(first, other) == (slice(0, 3), slice(2, 6), slice(0, 4))
    assert box_round(first, first) == first


def test_the_bounding_box_is_that_of_all_labels() -> None:
    labels = np.zeros((3, 4, 5), np.uint8)
    labels[1, 2, 3], labels[2, 0, 3] = 1, 9
    assert bounding_box(labels) == (slice(1, 3), slice(0, 3), slice(3, 4))


def test_a_box_within_reach_grows_by_whole_voxels_and_not_below_the_first() -> None:
    grown = box_within((slice(1, 3), slice(0, 2), slice(9, 10)), 2.0, (1.0, 1.5, 4.0))
    assert grown == (slice(0, 5), slice(0, 4), slice(8, 11))


def test_what_two_boxes_have_in_common_may_be_nothing() -> None:
    one, other = (slice(0, 4),) * 3, (slice(2, 6), slice(0, 3), slice(5, 7))
    assert common_box(one, other) == (slice(2, 4), slice(0, 3), slice(5, 4))
    assert np.zeros((9, 9, 9))[common_box(one, other)].size == 0


def test_a_box_of_floating_point_values_holds_what_is_not_zero() -> None:
    voxels = np.zeros((3, 4, 5))
    voxels[1, 2, 3], voxels[1, 3, 1] = 0.25, np.nan
    assert bounding_box(voxels) == (slice(1, 2), slice(2, 4), slice(1, 4))
