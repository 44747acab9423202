import numpy as np
import pytest

from afunet.report.surfaces.view import ANTERIOR, LATERAL, OBLIQUE, View, orientation_letters


@pytest.mark.parametrize(
    ("view", "left", "right", "viewer"),
    [(ANTERIOR, "R", "L", "A"), (LATERAL, "A", "P", "L"), (OBLIQUE, "RA", "LP", "AL")],
)
def test_view_names_the_sides_of_the_patient_as_seen_by_the_viewer(
    view: View, left: str, right: str, viewer: str
) -> None:
    assert orientation_letters(-view.right) == left
    assert orientation_letters(view.right) == right
    assert orientation_letters(view.toward_viewer) == viewer
    assert orientation_letters(view.up) == "S"


@pytest.mark.parametrize("view", [ANTERIOR, LATERAL, OBLIQUE])
def test_view_turns_without_stretching(view: View) -> None:
    axes = view.project(np.eye(3))
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(axes) == pytest.approx(1)


def test_viewer_in_front_sees_the_left_hand_on_the_right_and_the_head_up() -> None:
    left_head_back = np.array([[1.0, 0, 0], [0, 0, 1], [0, 1, 0]])
    expected = [[1, 0, 0], [0, 1, 0], [0, 0, -1]]
    np.testing.assert_allclose(ANTERIOR.project(left_head_back), expected, atol=1e-12)
