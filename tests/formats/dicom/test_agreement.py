"""Slices whose header and pixels disagree come back within 1 HU with a finding, or are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.refusals import holds

from afunet.errors import InputError
from afunet.formats.readers import read_scan
from afunet.geometry import Volume

from ..legs import CLEAN, CORTEX, FLESH, FloatArray, leg, with_metal

AFFINE = np.diag([1.5, 1.5, 3.0, 1.0])
Elements = dict[str, Any]


def _bits(stored: FloatArray) -> bytes:
    return (stored.astype(np.int64) & 0xFFFF).astype("<u2").tobytes()


def _corners(hu: FloatArray) -> np.ndarray:
    rows, columns = np.indices(hu.shape) - (hu.shape[0] - 1) / 2
    return np.hypot(rows, columns) > hu.shape[0] / 2


def _in_corners(value: int, **elements: Any) -> Callable[[FloatArray], Elements]:
    return lambda hu: {"PixelData": _bits(np.where(_corners(hu), value, hu + 1024)), **elements}


# What is written instead of unsigned 16 bits with intercept -1024.
CORRUPTIONS: dict[str, Callable[[FloatArray], Elements]] = {
    "no rescale": lambda hu: {
        "RescaleSlope": None,
        "RescaleIntercept": None,
        "PixelData": _bits(hu + 1024),
    },
    "no intercept": lambda hu: {"RescaleIntercept": None, "PixelData": _bits(hu + 1024)},
    "intercept 0": lambda hu: {"RescaleIntercept": 0, "PixelData": _bits(hu + 1024)},
    "intercept twice": lambda hu: {"RescaleIntercept": -2048, "PixelData": _bits(hu + 1024)},
    "HU stored, intercept stated": lambda hu: {"PixelRepresentation": 1, "PixelData": _bits(hu)},
    "HU stored as unsigned": lambda hu: {"RescaleIntercept": 0, "PixelData": _bits(hu)},
    "12 bits of HU stored as unsigned": lambda hu: {
        "RescaleIntercept": 0,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelData": _bits(hu.astype(np.int64) & 0xFFF),
    },
    "unsigned 12 bits declared signed": lambda hu: {
        "PixelRepresentation": 1,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelData": _bits(hu + 1024),
    },
    "corners of -2000 in unsigned numbers": _in_corners(-2000),
    "corners of -2000 in 12 unsigned bits": _in_corners(-2000 & 0xFFF, BitsStored=12, HighBit=11),
    "corners of 4095": _in_corners(4095),
    "corners of 65535": _in_corners(65535),
    "slope 2": lambda hu: {"RescaleSlope": 2, "PixelData": _bits(hu + 1024)},
    "slope a half": lambda hu: {"RescaleSlope": 0.5, "PixelData": _bits(hu + 1024)},
    "slope -1": lambda hu: {"RescaleSlope": -1, "PixelData": _bits(hu + 1024)},
    "slope 0": lambda hu: {"RescaleSlope": 0, "PixelData": _bits(hu + 1024)},
    "slope of a tenth": lambda hu: {"RescaleSlope": 0.1, "PixelData": _bits(hu + 1024)},
    "inverted": lambda hu: {"PixelData": _bits(4095 - (hu + 1024))},
    "a tenth": lambda hu: {"PixelData": _bits((hu / 10) + 1024)},
    "flesh named padding": lambda hu: {
        "PixelData": _bits(hu + 1024),
        "PixelPaddingValue": int(FLESH) + 1024,
    },
    "cortex named padding": lambda hu: {
        "PixelData": _bits(hu + 1024),
        "PixelPaddingValue": int(CORTEX) + 1024,
    },
    "air to flesh named padding": lambda hu: {
        "PixelData": _bits(hu + 1024),
        "PixelPaddingValue": 0,
        "PixelPaddingRangeLimit": int(FLESH) + 1060,
    },
    "the body named padding": lambda hu: {
        "PixelData": _bits(hu + 1024),
        "PixelPaddingValue": 900,
        "PixelPaddingRangeLimit": 4095,
    },
}
PLACES = {"one": range(4, 5), "every third": range(0, 9, 3), "all": range(9)}


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corruption_is_mended_or_refused_never_read_silently(tmp_path, write_series, name, where):
    hu = np.clip(leg(noise_hu=6), -1024, 3071)
    write_series(
        tmp_path,
        Volume(hu, AFFINE),
        change=lambda index: CORRUPTIONS[name](hu[index]) if index in PLACES[where] else {},
    )
    scan = _read_unless_refused(tmp_path)
    if scan is None:
        return
    inside = ~_corners(hu[0])
    assert np.abs(scan.volume.voxels - hu)[:, inside].max() <= 1
    assert (scan.volume.voxels[:, ~inside] < -500).all()
    assert scan.findings, "it was mended, and nothing says so"


def _read_unless_refused(folder):
    """The scan, or None for a refusal of one line with a code."""
    refusals = []
    try:
        return read_scan(folder)
    except InputError as refusal:
        refusals.append(refusal)
    assert all(refusal.code and "\n" not in str(refusal) for refusal in refusals)
    return None


@pytest.mark.parametrize("name", sorted(CLEAN))
def test_nothing_is_mended_where_nothing_is_wrong(tmp_path, write_series, name):
    hu = np.clip(CLEAN[name], -4000, 28000)
    write_series(tmp_path, Volume(hu, AFFINE), PixelRepresentation=1, RescaleIntercept=0)
    scan = read_scan(tmp_path)
    np.testing.assert_array_equal(scan.volume.voxels, hu)
    assert {finding.code for finding in scan.findings} <= {"BODY_CUT"}


def codes_of(scan) -> list[str]:
    return [finding.code for finding in scan.findings]


@pytest.fixture
def write_leg(tmp_path, write_series):
    """Writes the leg with `change(hu)` of every third slice; gives the folder and the HU."""

    def write(change, **elements):
        hu = np.clip(leg(), -1024, 3071)
        third = set(PLACES["every third"])
        write_series(
            tmp_path,
            Volume(hu, AFFINE),
            change=lambda index: change(hu[index]) if index in third else {},
            **elements,
        )
        return tmp_path, hu

    return write


def test_a_missing_rescale_is_that_of_the_neighbours(write_leg, refusal):
    folder, hu = write_leg(CORRUPTIONS["no rescale"])
    scan = read_scan(folder)
    np.testing.assert_array_equal(scan.volume.voxels, hu)
    assert codes_of(scan) == ["RESCALE_BORROWED"]
    assert holds(str(scan.findings[0]), 3, 9, "1, 4, 7")
    assert _strict_code(folder) == "RESCALE_BORROWED"


def _strict_code(folder) -> str:
    with pytest.raises(InputError) as caught:
        read_scan(folder, strict=True)
    return caught.value.code


def test_slices_without_rescale_that_hold_hu_are_kept_and_told(write_leg):
    def stored_as_hu(hu):
        elements = {"RescaleSlope": None, "RescaleIntercept": None, "PixelRepresentation": 1}
        return {**elements, "PixelData": _bits(hu)}

    folder, hu = write_leg(stored_as_hu)
    scan = read_scan(folder)
    np.testing.assert_array_equal(scan.volume.voxels, hu)
    assert codes_of(scan) == ["RESCALE_MISSING_IN_SOME"]
    assert _strict_code(folder) == "RESCALE_MISSING_IN_SOME"


def test_a_slice_without_rescale_that_fits_neither_way_is_refused(write_leg):
    folder, _ = write_leg(
        lambda hu: {
            "RescaleSlope": None,
            "RescaleIntercept": None,
            "PixelData": _bits((hu + 1024) // 3 + 7000),
        }
    )
    with pytest.raises(InputError) as caught:
        read_scan(folder)
    assert caught.value.code == "RESCALE_MISSING"


def test_a_wrong_intercept_is_corrected_by_the_neighbours(write_leg):
    folder, hu = write_leg(CORRUPTIONS["intercept 0"])
    scan = read_scan(folder)
    np.testing.assert_array_equal(scan.volume.voxels, hu)
    assert codes_of(scan) == ["MIXED_RESCALE", "RESCALE_CORRECTED"]


@pytest.mark.parametrize("name", ["HU stored as unsigned", "corners of -2000 in unsigned numbers"])
def test_a_wrong_sign_is_mended(tmp_path, write_series, name):
    hu = np.clip(leg(), -1024, 3071)
    write_series(tmp_path, Volume(hu, AFFINE), change=lambda index: CORRUPTIONS[name](hu[index]))
    scan = read_scan(tmp_path)
    assert codes_of(scan) == ["SIGN_WRONG"]
    assert scan.volume.voxels.max() == hu.max()


def test_flesh_named_padding_stays_flesh(tmp_path, write_series):
    hu = np.clip(leg(), -1024, 3071)
    write_series(tmp_path, Volume(hu, AFFINE), PixelPaddingValue=int(FLESH) + 1024)
    scan = read_scan(tmp_path)
    np.testing.assert_array_equal(scan.volume.voxels, hu)
    assert codes_of(scan) == ["PADDING", "PADDING_IN_BODY"]


def test_metal_beside_flesh_is_no_wrong_sign(tmp_path, write_series):
    hu = np.clip(with_metal(leg()), -1024, 3071)
    write_series(tmp_path, Volume(hu, AFFINE), BitsStored=12, HighBit=11)
    scan = read_scan(tmp_path)
    np.testing.assert_array_equal(scan.volume.voxels, hu)
    assert codes_of(scan) == []


def test_noise_of_air_below_the_smallest_unsigned_number_is_air(tmp_path, write_series):
    hu = leg(noise_hu=15)
    assert (hu < -1024).sum() > 100
    write_series(
        tmp_path,
        Volume(hu, AFFINE),
        change=lambda index: {"PixelData": _bits(hu[index] + 1024)},
    )
    scan = read_scan(tmp_path)
    np.testing.assert_array_equal(scan.volume.voxels, hu)
    assert "SIGN_WRONG" in codes_of(scan)


def test_metal_at_the_largest_number_is_no_noise_of_air(tmp_path, write_series):
    hu = leg(noise_hu=6)
    hu[:, 40, 40] = 65535 - 1024
    write_series(
        tmp_path,
        Volume(hu, AFFINE),
        change=lambda index: {"PixelData": _bits(hu[index] + 1024)},
    )
    scan = _read_unless_refused(tmp_path)
    assert scan is None or (scan.volume.voxels[:, 40, 40] > 3000).all()


def test_nothing_but_air_is_no_scan(tmp_path, write_series):
    hu = leg(noise_hu=6)
    write_series(
        tmp_path,
        Volume(hu, AFFINE),
        change=lambda index: {"RescaleSlope": 0.1, "PixelData": _bits(hu[index] + 1024)},
    )
    with pytest.raises(InputError) as refusal:
        read_scan(tmp_path)
    assert refusal.value.code == "VALUES_NOT_HU"
