import numpy as np
import pytest

from afunet.geometry import bounding_box, box_round, label_boxes


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


def test_the_box_round_two_holds_both() -> None:
    first = (slice(1, 3), slice(2, 3), slice(0, 4))
    other = (slice(0, 2), slice(2, 6), slice(1, 2))
    assert box_round(first, other) == (slice(0, 3), slice(2, 6), slice(0, 4))
    assert box_round(first, first) == first


def test_the_bounding_box_is_that_of_all_labels() -> None:
    labels = np.zeros((3, 4, 5), np.uint8)
    labels[1, 2, 3], labels[2, 0, 3] = 1, 9
    assert bounding_box(labels) == (slice(1, 3), slice(0, 3), slice(3, 4))
