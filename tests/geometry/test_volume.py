"""A volume's places in the patient, worked out by hand on an oblique, anisotropic grid."""

import numpy as np
import pytest
from tests.refusals import refused

from afunet.errors import GeometryError
from afunet.geometry import Volume

# Orthogonal axes of length 3, 6 and 9 mm: 3 · (1, 2, 2)/3, 6 · (2, 1, −2)/3, 9 · (2, −2, 1)/3.
OBLIQUE = np.array([[1, 4, 6, 10], [2, 2, -6, 20], [2, -4, 3, 30], [0, 0, 0, 1]], dtype=float)


def oblique(slices: int = 2, rows: int = 3, columns: int = 4) -> Volume:
    return Volume(np.zeros((slices, rows, columns), dtype=np.int16), OBLIQUE)


def moved(volume: Volume, by_mm: tuple[float, float, float]) -> Volume:
    affine = volume.affine.copy()
    affine[:3, 3] += by_mm
    return Volume(volume.voxels, affine)


def test_the_first_voxel_lies_at_the_origin_and_shape_counts_slices_first() -> None:
    assert oblique().to_mm([0, 0, 0]).tolist() == [10, 20, 30]
    assert oblique().origin_mm.tolist() == [10, 20, 30]
    assert oblique().shape == (2, 3, 4)


def test_one_step_along_each_index_moves_along_its_column_of_the_affine() -> None:
    steps = oblique().to_mm(np.eye(3)) - [10, 20, 30]
    assert steps.tolist() == [[1, 2, 2], [4, 2, -4], [6, -6, 3]]


def test_a_point_three_columns_two_rows_and_one_slice_in_lies_where_the_sum_says() -> None:
    # 10 + 3·1 + 2·4 + 1·6 = 27; 20 + 3·2 + 2·2 − 6 = 24; 30 + 3·2 − 2·4 + 3 = 31
    assert oblique().to_mm([3, 2, 1]).tolist() == [27, 24, 31]
    np.testing.assert_allclose(oblique().to_indices([27, 24, 31]), [3, 2, 1], atol=1e-12)


def test_a_point_between_voxels_has_fractional_indices() -> None:
    # Half a column step (0.5, 1, 1) and a quarter of a row step (1, 0.5, −1) from the origin.
    np.testing.assert_allclose(oblique().to_indices([11.5, 21.5, 30]), [0.5, 0.25, 0], atol=1e-12)


def test_indices_of_any_leading_shape_come_back() -> None:
    indices = np.random.default_rng(0).uniform(-5, 5, (2, 7, 3))
    np.testing.assert_allclose(oblique().to_indices(oblique().to_mm(indices)), indices, atol=1e-12)


def test_spacing_directions_and_voxel_volume_follow_from_the_affine() -> None:
    np.testing.assert_allclose(oblique().spacing_mm, [3, 6, 9])
    np.testing.assert_allclose(oblique().directions[:, 1], [2 / 3, 1 / 3, -2 / 3])
    assert oblique().voxel_volume_mm3 == pytest.approx(162)  # though this frame is left-handed


def test_the_volume_of_a_voxel_of_whole_millimetres_is_a_whole_number() -> None:
    volumes = [Volume(np.zeros((1, 1, 1)), np.diag([1, 1, size, 1])) for size in (2, 3, 5)]
    assert [volume.voxel_volume_mm3 for volume in volumes] == [2, 3, 5]


def test_the_affine_cannot_be_changed_from_outside() -> None:
    affine = OBLIQUE.copy()
    volume = Volume(np.zeros((1, 1, 1)), affine)
    affine[0, 3] = 99
    assert volume.origin_mm.tolist() == [10, 20, 30]
    with pytest.raises(ValueError, match="read-only"):
        volume.affine[0, 3] = 99


def test_the_same_grid_may_differ_by_a_hundredth_of_a_millimetre_but_not_more() -> None:
    assert oblique().same_grid(moved(oblique(), (0, 0.009, 0)))
    assert not oblique().same_grid(moved(oblique(), (0, 0.011, 0)))
    assert oblique().same_grid(moved(oblique(), (0, 0.011, 0)), tolerance_mm=0.02)


def test_a_spacing_error_that_adds_up_over_the_slices_is_another_grid() -> None:
    affine = OBLIQUE.copy()
    affine[:3, 2] *= 1.0001  # 0.0009 mm a slice
    thick, thin = (np.zeros((slices, 2, 2)) for slices in (2, 101))
    assert Volume(thick, OBLIQUE).same_grid(Volume(thick, affine))
    assert not Volume(thin, OBLIQUE).same_grid(Volume(thin, affine))


def test_another_shape_in_the_same_place_is_another_grid() -> None:
    assert not oblique(rows=3).same_grid(oblique(rows=4))


def test_another_grid_is_refused_in_one_line_that_names_both() -> None:
    other = ("the mask", "5 × 3 × 2", "3 × 6 × 9 mm", "(11.00, 20.00, 30.00)")
    expected = ("4 × 3 × 2", "(10.00, 20.00, 30.00)")
    with refused(GeometryError, "OTHER_GRID", *other, *expected):
        oblique().require_same_grid(moved(oblique(columns=5), (1, 0, 0)), "the mask")


def test_the_same_grid_is_not_refused() -> None:
    oblique().require_same_grid(moved(oblique(), (0.001, 0, 0)), "the mask")


@pytest.mark.parametrize(
    ("shape", "affine", "words"),
    [
        ((3, 4), OBLIQUE, "(3, 4)"),
        ((2, 0, 4), OBLIQUE, "(2, 0, 4)"),
        ((2, 3, 4), OBLIQUE[:3], "4×4"),
        ((2, 3, 4), np.full((4, 4), np.nan), "finite"),
        ((2, 3, 4), OBLIQUE[:, [0, 0, 2, 3]], "singular"),
    ],
)
def test_what_is_no_volume_is_refused_in_one_line(
    shape: tuple[int, ...], affine: np.ndarray, words: str
) -> None:
    with pytest.raises(GeometryError) as caught:
        Volume(np.zeros(shape), affine)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_voxels_keep_the_place_and_must_have_the_shape() -> None:
    ones = oblique().with_voxels(np.ones((2, 3, 4), dtype=np.uint8))
    assert ones.voxels.all()
    assert ones.affine.tolist() == OBLIQUE.tolist()
    with refused(GeometryError, "SIZES_DIFFER", (4, 3, 2), (2, 3, 4)):
        oblique().with_voxels(np.ones((4, 3, 2)))


def test_points_in_voxels_are_seen_and_others_are_not() -> None:
    volume = oblique()
    columns, rows, slices = volume.shape[::-1]
    inside = [[-0.49, 0, 0], [columns - 0.51, rows - 0.51, slices - 0.51]]
    outside = [[-0.51, 0, 0], [0, rows - 0.49, 0], [0, 0, slices - 0.49]]
    assert volume.sees(volume.to_mm(inside)).tolist() == [True, True]
    assert volume.sees(volume.to_mm(outside)).tolist() == [False] * 3
