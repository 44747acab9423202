"""Stored numbers to HU in as little memory as is exact."""

import numpy as np
import pytest

from afunet.formats.hu import rescaled, stacked


@pytest.mark.parametrize(
    ("stored", "slope", "intercept", "expected", "dtype"),
    [
        (np.array([0, 4095], np.uint16), 1.0, -1024.0, [-1024, 3071], np.int16),
        (np.array([65535], np.uint16), 1.0, -1024.0, [64511], np.float32),
        (np.array([33791], np.uint16), 1.0, -1024.0, [32767], np.int16),
        (np.array([-32768], np.int16), 1.0, -1.0, [-32769], np.float32),
        (np.array([1, 3], np.int16), 0.5, 0.0, [0.5, 1.5], np.float32),
        (np.array([10, -10], np.int16), -2.0, 1.0, [-19, 21], np.int16),
        (np.array([2, 4], np.int16), 0.5, 0.0, [1, 2], np.int16),
        (np.array([-7.0, 3.0]), 1.0, 0.0, [-7, 3], np.int16),
    ],
)
def test_whole_values_that_fit_are_int16(stored, slope, intercept, expected, dtype):
    hu = rescaled(stored, slope, intercept)
    assert hu.dtype == dtype
    assert hu.tolist() == expected


def test_nan_stays_nan():
    hu = rescaled(np.array([1.0, np.nan]))
    assert hu.dtype == np.float32
    assert np.isnan(hu).tolist() == [False, True]


def test_slices_become_float32_from_the_first_that_needs_it():
    whole, broken = np.array([[-1000]], np.int16), np.array([[0.5]], np.float32)
    assert stacked([whole, whole], (2, 1, 1)).dtype == np.int16
    voxels = stacked([whole, broken, whole], (3, 1, 1))
    assert voxels.dtype == np.float32
    assert voxels.ravel().tolist() == [-1000, 0.5, -1000]
