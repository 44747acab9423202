"""Regions are put together by the whole border that they share."""

import numpy as np
import pytest

from afunet.fragments.agglomeration import Border, agglomerated, borders_of


def asked(border: Border, smaller: int) -> float:
    return border.mean / 0.5


def test_a_border_has_its_faces_its_mean_and_its_middle() -> None:
    regions = np.zeros((4, 4, 6), dtype=np.int32)
    regions[:, :, :3], regions[:, :, 3:] = 1, 2
    contact = np.zeros(regions.shape, dtype=np.float32)
    contact[:, :2, 3] = 1  # half of the faces, seen from one side
    ((pair, border),) = borders_of(regions, contact).items()
    assert pair == (1, 2)
    assert border.faces == 16
    assert border.mean == pytest.approx(0.5)
    assert border.centre == pytest.approx((1.5, 1.5, 2.5))


def four_in_a_row() -> np.ndarray:
    regions = np.zeros((1, 1, 8), dtype=np.int32)
    regions[0, 0] = [1, 1, 2, 2, 3, 3, 4, 4]
    return regions


def joined(contact_of: dict[tuple[int, int], float]) -> np.ndarray:
    borders = {
        pair: Border(10, 10, 10 * mean, (0.0, 0.0, 0.0)) for pair, mean in contact_of.items()
    }
    return agglomerated(np.array([0, 9, 9, 9, 9]), borders, asked).owner


def test_regions_without_a_contact_become_one_and_those_with_one_stay_apart() -> None:
    owner = joined({(1, 2): 0.1, (2, 3): 0.9, (3, 4): 0.2})
    assert owner[1] == owner[2] != owner[3] == owner[4]


def test_a_spot_of_contact_that_a_longer_border_goes_around_parts_nothing() -> None:
    """1 and 3 share a sure border, but when 2 has joined 1 most of their border is none."""
    borders = {
        (1, 3): Border(10, 10, 9.0, (0.0, 0.0, 0.0)),
        (1, 2): Border(50, 50, 0.0, (0.0, 0.0, 0.0)),
        (2, 3): Border(60, 60, 24.0, (0.0, 0.0, 0.0)),
    }
    owner = agglomerated(np.array([0, 9, 9, 9]), borders, asked).owner
    assert len(set(owner[1:])) == 1


def test_a_contact_with_holes_still_parts() -> None:
    """(2, 3) is a hole of 20 faces in a contact of 100: together they are 0.75 sure."""
    borders = {
        (1, 2): Border(40, 40, 0.0, (0.0, 0.0, 0.0)),
        (3, 4): Border(40, 40, 0.0, (0.0, 0.0, 0.0)),
        (1, 4): Border(80, 80, 76.0, (0.0, 0.0, 0.0)),
        (2, 3): Border(20, 20, 11.0, (0.0, 0.0, 0.0)),
    }
    found = agglomerated(np.array([0, 9, 9, 9, 9]), borders, asked)
    assert found.owner[1] == found.owner[2] != found.owner[3] == found.owner[4]
    (border,) = found.borders.values()
    assert (border.faces, border.contact) == (100, pytest.approx(87.0))
    assert len(found.joins) == 2
