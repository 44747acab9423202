"""Surface distances by hand, and beside the field's own implementations."""

import numpy as np
import pytest
from scipy import ndimage
from tests.refusals import refused

from afunet.errors import InputError
from afunet.evaluation.surface import surface_distances

SPACING = (3.0, 0.7, 0.5)


def cube(start, size=4, shape=(8, 12, 12)):
    mask = np.zeros(shape, dtype=np.uint8)
    mask[tuple(slice(a, a + size) for a in start)] = 1
    return mask


def blobs(seed):
    noise = np.random.default_rng(seed).standard_normal((14, 30, 28))
    smooth = ndimage.gaussian_filter(noise, (1.0, 3.0, 3.0))
    return (smooth > np.quantile(smooth, 0.8)).astype(np.uint8)


def test_equal_masks_are_at_no_distance():
    same = surface_distances(cube((2, 3, 3)), cube((2, 3, 3)), SPACING)
    assert (same.assd, same.hd95, same.largest, same.nsd(0.0)) == (0.0, 0.0, 0.0, 1.0)
    assert len(same.to_truth) == 4**3 - 2**3


def test_a_line_beside_a_line():
    one, other = np.zeros((1, 1, 9)), np.zeros((1, 1, 9))
    one[0, 0, 2] = other[0, 0, 5] = other[0, 0, 6] = 1
    apart = surface_distances(one, other, (1.0, 1.0, 0.5))
    assert apart.to_truth.tolist() == [1.5]
    assert apart.to_prediction.tolist() == [1.5, 2.0]
    assert apart.assd == pytest.approx(5 / 3)
    assert apart.largest == 2.0
    assert apart.hd95 == pytest.approx(1.975)
    assert apart.nsd(1.5) == pytest.approx(2 / 3)


def test_two_plates_between_thick_slices():
    """Plates of 3 × 3 voxels, 2 mm thick slices: one in slice 0, one in slices 1 and 2.

    All 9 voxels of the first and all 18 of the second are boundary (none has six neighbours).
    From the first to the second 9 × 2 mm, back 9 × 2 mm and 9 × 4 mm: ASSD (18 + 18 + 36) / 27.
    HD95: directed 2 mm, and of nine 2s and nine 4s the 95th percentile, 4 mm; NSD at 2 mm: 18
    of 27 within reach, at 1 mm none.
    """
    first, second = np.zeros((3, 3, 3)), np.zeros((3, 3, 3))
    first[0], second[1:] = 1, 1
    apart = surface_distances(first, second, (2.0, 0.5, 0.5))
    assert (len(apart.to_truth), len(apart.to_prediction)) == (9, 18)
    assert apart.assd == pytest.approx(72 / 27)
    assert apart.hd95 == 4.0
    assert (apart.nsd(1.0), apart.nsd(2.0)) == (0.0, pytest.approx(18 / 27))


def test_percentiles_are_taken_between_neighbouring_values_and_one_way_at_a_time():
    """A found row of 5 voxels over the first of the true one: distances 0, 1, 2, 3, 4 mm.

    The 95th percentile lies 0.95 · 4 = 3.8 steps up: 3.8 mm; back it is 0. The larger counts.
    """
    found, true = np.ones((1, 1, 5)), np.array([[[1, 0, 0, 0, 0]]])
    apart = surface_distances(found, true, (1.0, 1.0, 1.0))
    assert apart.hd95 == pytest.approx(3.8)
    assert apart.assd == pytest.approx(10 / 6)
    assert surface_distances(true, found, (1.0, 1.0, 1.0)).hd95 == pytest.approx(3.8)


def test_bone_that_the_grid_cuts_has_a_boundary_there():
    """A block that fills the grid: 3³ voxels, all but the middle one are boundary."""
    apart = surface_distances(np.ones((3, 3, 3)), np.ones((3, 3, 3)), SPACING)
    assert len(apart.to_truth) == 26


@pytest.mark.parametrize(("axis", "step_mm"), list(enumerate(SPACING)))
def test_a_shift_by_one_voxel_is_one_spacing_away(axis, step_mm):
    start = [2, 3, 3]
    start[axis] += 1
    apart = surface_distances(cube(start), cube((2, 3, 3)), SPACING)
    assert apart.largest == pytest.approx(step_mm)


def test_empty_masks():
    nothing = np.zeros((2, 3, 4))
    both = surface_distances(nothing, nothing, SPACING)
    assert (both.assd, both.hd95, both.nsd(1.0)) == (0.0, 0.0, 1.0)
    one = surface_distances(nothing, np.ones((2, 3, 4)), SPACING)
    assert (one.assd, one.hd95, one.largest, one.nsd(1.0)) == (np.inf, np.inf, np.inf, 0.0)


def test_two_shapes_are_refused():
    with refused(InputError, "SIZES_DIFFER", (1, 2, 3), (2, 2, 3)):
        surface_distances(np.ones((1, 2, 3)), np.ones((2, 2, 3)), SPACING)


@pytest.mark.filterwarnings("ignore")  # the library's own
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), SPACING, (2.0, 0.8, 0.8)])
@pytest.mark.parametrize("seed", range(3))
def test_surface_distance_finds_nearly_the_same(seed, spacing):
    """Its boundary lies between voxels and is weighed by area (docs/measures.md).

    A corner of the grid lies half a voxel's diagonal from the centres round it: so far apart two
    distances can be. MONAI's values are ours exactly, see test_contract.py.
    """
    library = pytest.importorskip("surface_distance")
    found, true = blobs(seed), ndimage.shift(blobs(seed), (0, 3, 1), order=0)
    ours = surface_distances(found, true, spacing)
    theirs = library.compute_surface_distances(true > 0, found > 0, spacing)
    half_a_voxel_mm = float(np.linalg.norm(spacing)) / 2
    assd = np.mean(library.compute_average_surface_distance(theirs))
    assert ours.assd == pytest.approx(assd, abs=half_a_voxel_mm / 2)
    assert ours.hd95 == pytest.approx(
        library.compute_robust_hausdorff(theirs, 95), abs=half_a_voxel_mm
    )
    assert ours.nsd(2.0) == pytest.approx(
        library.compute_surface_dice_at_tolerance(theirs, 2.0), abs=0.1
    )
