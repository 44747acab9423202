import numpy as np
import pytest

from afunet.geometry import Volume
from afunet.report.case.slice_view import SliceView, slice_position

LEFT, BACK, HEAD = np.eye(3)


def volume(columns: np.ndarray, rows: np.ndarray, slices: np.ndarray) -> Volume:
    """A 2 × 3 × 4 volume whose three axes go the given way, from (10, 20, 30) on."""
    affine = np.eye(4)
    affine[:3, :3] = np.stack([columns, rows, slices], axis=1)
    affine[:3, 3] = [10, 20, 30]
    return Volume(np.arange(24).reshape(2, 3, 4), affine)


@pytest.mark.parametrize("flip_columns", [1, -1])
@pytest.mark.parametrize("flip_rows", [1, -1])
@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize(
    ("right", "down", "through", "letters"),
    [
        (LEFT, BACK, HEAD, ("R", "L", "A", "P")),
        (LEFT, -HEAD, BACK, ("R", "L", "S", "I")),
        (BACK, -HEAD, LEFT, ("A", "P", "S", "I")),
    ],
)
def test_slices_stored_any_way_are_turned_the_usual_way(
    right: np.ndarray,
    down: np.ndarray,
    through: np.ndarray,
    letters: tuple[str, ...],
    swap: bool,
    flip_rows: int,
    flip_columns: int,
) -> None:
    columns, rows = (down, right) if swap else (right, down)
    stored = volume(columns * flip_columns, rows * flip_rows, through)
    view = SliceView.of(stored)
    assert view.edge_letters == letters
    slices, row, column = np.indices(stored.shape)
    places = stored.to_mm(np.stack([column, row, slices], axis=-1))
    # Where each pixel of the turned slice lies must grow along the picture's right and down.
    shown = np.stack([view.turned(places[..., axis]) for axis in range(3)], axis=-1)[0]
    np.testing.assert_allclose(np.diff(shown, axis=1) @ right, 1)
    np.testing.assert_allclose(np.diff(shown, axis=0) @ down, 1)


def test_anisotropic_pixels_keep_their_own_spacing_when_swapped() -> None:
    view = SliceView.of(volume(2.0 * BACK, 0.5 * LEFT, 3.0 * HEAD))
    assert (view.right_mm, view.down_mm) == (0.5, 2.0)


def test_position_is_that_of_the_slices_centre_on_the_patients_axis() -> None:
    assert slice_position(volume(LEFT, BACK, -3 * HEAD), 1) == "z 27 mm"
    assert slice_position(volume(LEFT, -HEAD, -40 * BACK), 1) == "y -20 mm"
