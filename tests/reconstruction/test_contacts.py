"""Contacts of regions, worked out by hand."""

import numpy as np
import pytest

from afunet.reconstruction.contacts import Contact, contacts_of

SPACING = (2.0, 1.0, 0.5)  # (slice, row, column) mm


def meet(labels, depth=None, reach=2.0):
    labels = np.array(labels, dtype=np.int32)
    depth = np.ones(labels.shape) if depth is None else np.array(depth, dtype=float)
    return contacts_of(labels, depth, SPACING, reach)


def test_faces_that_touch_count_with_their_area_and_the_deepest_pair_is_the_neck():
    contacts = meet([[[1, 2], [1, 2]]], depth=[[[0.5, 0.7], [3.0, 2.0]]])
    assert contacts == {(1, 2): Contact(touching_mm2=4.0, facing_mm2=0.0, neck_mm=2.0)}
    assert contacts[1, 2].share == 1.0


def test_a_gap_within_reach_faces_and_one_beyond_it_does_not():
    row = [[[1, 0, 0, 0, 0, 2]]]  # 2 mm of background between them
    assert meet(row)[1, 2] == Contact(0.0, 2.0, 0.0)
    assert meet(row, reach=1.9) == {}


def test_nothing_is_faced_through_a_third_region():
    assert set(meet([[[1, 3, 2]]])) == {(1, 3), (2, 3)}


def test_a_plane_with_a_hole_is_faced_and_touched():
    contacts = meet([[[1, 0, 2], [1, 0, 2], [1, 2, 2], [1, 0, 2]]])
    assert contacts[1, 2].touching_mm2 == 2.0
    assert contacts[1, 2].facing_mm2 == 6.0
    assert contacts[1, 2].share == pytest.approx(0.25)


def test_every_axis_has_its_own_face_and_reach():
    above = meet([[[1]], [[2]]])[1, 2]
    assert above.touching_mm2 == pytest.approx(0.5)
    assert meet([[[1]], [[0]], [[2]]])[1, 2].facing_mm2 == pytest.approx(0.5)
    assert meet([[[1]], [[0]], [[2]]], reach=1.9) == {}


def test_a_reach_beyond_the_end_of_the_voxels_changes_nothing():
    assert meet([[[1, 0, 2]]], reach=9.0) == meet([[[1, 0, 2]]])
    assert meet([[[1, 2], [0, 2]]], reach=9.0) == meet([[[1, 2], [0, 2]]])


def test_the_end_of_a_line_does_not_meet_the_start_of_the_next():
    assert meet([[[0, 1], [2, 0]]], reach=1.0) == {}


def test_contacts_add_up():
    both = Contact(1.0, 2.0, 0.5).with_more(Contact(3.0, 4.0, 0.25))
    assert both == Contact(4.0, 6.0, 0.5)
