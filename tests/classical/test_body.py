"""The body is what is left when air, padding, table and cast are gone."""

import numpy as np
from numpy.typing import NDArray

from afunet.classical.body import find_body
from afunet.preprocessing import BONE_WINDOW


def unit(*boxes: tuple[slice, slice, float]) -> NDArray[np.float32]:
    """A slice of air, 60 × 80, with boxes of a value in HU."""
    hu = np.full((60, 80), -1000.0)
    for rows, columns, value in boxes:
        hu[rows, columns] = value
    return BONE_WINDOW.to_unit(hu)


def test_air_alone_is_no_body() -> None:
    assert find_body(unit()) is None


def test_padding_alone_is_no_body() -> None:
    assert find_body(unit((slice(None), slice(0, 20), 0.0))) is None


def test_a_second_leg_stays_and_a_table_goes() -> None:
    legs = (slice(10, 40), slice(5, 35), 50.0), (slice(10, 35), slice(45, 70), 50.0)
    body = find_body(unit(*legs, (slice(50, 51), slice(0, 80), 500.0)))
    assert body is not None
    whole = body.in_slice(np.ones_like(body.mask))
    assert whole[25, 20] == whole[25, 55] == 1
    assert not whole[45:].any()


def test_the_width_is_the_root_of_the_largest_pieces_area() -> None:
    body = find_body(unit((slice(10, 40), slice(5, 35), 50.0)))
    assert body is not None
    assert 29 <= body.width_px <= 30  # the disc rounds the corners of a 30 × 30 square
    assert body.px(0.1) == 3


def test_fat_in_a_bone_and_gas_in_the_flesh_are_inside_the_body() -> None:
    body = find_body(
        unit((slice(10, 40), slice(5, 35), 50.0), (slice(20, 23), slice(20, 23), -900))
    )
    assert body is not None
    assert body.in_slice(np.ones_like(body.mask))[21, 21] == 1
