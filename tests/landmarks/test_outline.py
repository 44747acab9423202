import numpy as np
import pytest

from afunet.landmarks.outline import outline_centre


def test_the_centre_of_an_ellipse_does_not_depend_on_where_its_points_are() -> None:
    rng = np.random.default_rng(0)
    angle = np.concatenate([rng.uniform(0, 2 * np.pi, 400), rng.uniform(0, 1, 4000)])
    points = np.stack([7 + 20 * np.cos(angle), 12 * np.sin(angle) - 4, 0 * angle + 30], axis=1)
    assert outline_centre(points, np.array([0.0, 0, 1])) == pytest.approx((7, -4, 30), abs=0.4)
    assert points.mean(axis=0)[0] > 20  # the mean of the points is far off
