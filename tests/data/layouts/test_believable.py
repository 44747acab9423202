"""The step of density at a mask's outline, worked by hand."""

import numpy as np
import pytest
from tests.refusals import refused

from afunet.data.cases import SliceRecord
from afunet.data.layouts.believable import density_step_hu, require_believable
from afunet.data.slices import LabelledSlice
from afunet.errors import InputError


def square(inside: int, outside: int, moved: int = 0) -> LabelledSlice:
    """A bright square of 10 × 10 pixels and a mask of it, `moved` pixels to the right."""
    grey = np.full((30, 30), outside, dtype=np.uint8)
    grey[10:20, 10:20] = inside
    mask = np.zeros((30, 30), dtype=np.uint8)
    mask[10:20, 10 + moved : 20 + moved] = 1
    return LabelledSlice(grey[None], mask, SliceRecord("a", "p", 0, "", ""))


def test_the_step_is_the_difference_of_the_two_sides_in_hu() -> None:
    # 51 of 255 greys are a fifth of 1600 HU.
    assert density_step_hu([square(151, 100)]) == pytest.approx(320)
    assert density_step_hu([square(151, 100), square(100, 100)]) == pytest.approx(160)


def test_a_mask_beside_its_bone_has_hardly_a_step() -> None:
    # Eight pixels aside, two columns of ten bone pixels are in either rim, of 64 and of 96 pixels.
    assert density_step_hu([square(151, 100, 8)]) == pytest.approx(320 * (20 / 64 - 20 / 96))


def test_a_mask_at_the_slices_edge_and_one_that_fills_it_are_no_trouble() -> None:
    edge = square(151, 100)
    full = LabelledSlice(edge.grey, np.ones_like(edge.mask), edge.record)
    assert density_step_hu([full]) == 0
    corner = LabelledSlice(edge.grey[:, 10:, 10:], edge.mask[10:, 10:], edge.record)
    assert density_step_hu([corner]) == pytest.approx(320)


def test_masks_without_bone_or_without_a_step_are_refused_in_words() -> None:
    require_believable([square(151, 100)])
    blank = square(151, 100)
    with refused(InputError, "EMPTY_MASK"):
        require_believable([LabelledSlice(blank.grey, np.zeros_like(blank.mask), blank.record)])
    with refused(InputError, "LABEL_MISFIT", 33, 50):
        require_believable([square(151, 100, 8)])
    with refused(InputError, "LABEL_MISFIT", -320):
        require_believable([square(100, 151)])
