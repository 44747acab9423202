"""A bone on cubic voxels, and back."""

import numpy as np
import pytest

from afunet.fragments.even_grid import EvenGrid, even_bone
from afunet.geometry import Volume

WHOLE = (slice(0, 6), slice(0, 20), slice(0, 10))


@pytest.mark.parametrize("spacing_mm", [(3.0, 0.4, 0.4), (1.0, 1.0, 1.0), (0.5, 0.9, 2.7)])
def test_a_block_keeps_its_volume_its_middle_and_all_its_voxels(
    spacing_mm: tuple[float, float, float],
) -> None:
    grid = EvenGrid.around(WHOLE, spacing_mm, 1.0)
    even = grid.even(np.ones((6, 20, 10)))
    assert even.sum() == pytest.approx(6 * 20 * 10 * np.prod(spacing_mm), rel=0.02)
    middle = np.argwhere(even >= 0.5).mean(axis=0) * grid.ratio + grid.first
    assert middle == pytest.approx([2.5, 9.5, 4.5])
    assert (grid.nearest(even) >= 0.5).all()


def test_nothing_changes_on_a_grid_that_is_even_already() -> None:
    values = np.random.default_rng(0).normal(size=(6, 20, 10)).astype(np.float32)
    grid = EvenGrid.around(WHOLE, (1.0, 1.0, 1.0), 1.0)
    assert np.allclose(grid.nearest(grid.even(values)), values, atol=1e-6)


def test_hu_are_the_same_whether_the_ct_shows_the_surroundings() -> None:
    inside = np.zeros((6, 20, 10), dtype=np.bool_)
    inside[1:5, 4:16, 2:8] = True
    hu = np.where(inside, 700.0, 40.0)
    grid = EvenGrid.around(WHOLE, (2.0, 0.7, 0.7), 1.0)
    shown, alone = even_bone(inside, hu, grid), even_bone(inside, np.where(inside, hu, 0), grid)
    assert np.array_equal(shown.hu, alone.hu)
    assert np.allclose(shown.hu[shown.mask], 700)
    assert not shown.hu[~shown.mask].any()


def test_places_are_those_of_the_patient() -> None:
    volume = Volume(np.zeros((9, 30, 30)), np.diag([0.5, 0.5, 2.0, 1.0]))
    grid = EvenGrid.around((slice(2, 8), slice(10, 30), slice(5, 15)), (2.0, 0.5, 0.5), 1.0)
    middle = (np.array(grid.shape) - 1) / 2
    # the middle of the box is at index (4.5, 19.5, 9.5): (column, row, slice) in mm
    assert grid.to_mm(volume, middle) == pytest.approx([9.5 * 0.5, 19.5 * 0.5, 4.5 * 2])


def test_a_box_of_the_volume_has_the_even_voxels_whose_centres_lie_in_it() -> None:
    box = (slice(4, 24), slice(0, 40), slice(10, 30))
    grid = EvenGrid.around(box, (2.0, 0.5, 1.0), 1.0)
    wanted = grid.box_of((slice(6, 9), slice(-5, 12), slice(0, 100)))
    for axis, (low, high) in enumerate([(6, 9), (-5, 12), (0, 100)]):
        at = box[axis].start + grid.first[axis] + np.arange(grid.shape[axis]) * grid.ratio[axis]
        inside = np.flatnonzero((at >= low - 0.5) & (at < high - 0.5))
        assert (wanted[axis].start, wanted[axis].stop) == (inside[0], inside[-1] + 1)
