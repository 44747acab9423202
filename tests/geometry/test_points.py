import numpy as np

from afunet.geometry.points import bounds_of


def test_the_bounds_are_the_least_and_greatest_of_each_coordinate() -> None:
    low, high = bounds_of(np.array([[1.0, 5.0, -2.0], [0.5, 7.0, 4.0], [3.0, 6.0, 0.0]]))
    assert low.tolist() == [0.5, 5.0, -2.0]
    assert high.tolist() == [3.0, 7.0, 4.0]
