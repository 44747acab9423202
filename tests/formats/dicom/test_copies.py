"""Slices that claim one place: copies, whatever their positions were rounded to, or a refusal."""

import numpy as np
import pytest

from afunet.errors import GeometryError
from afunet.formats.dicom.copies import EXACT_MM, SAME_POSITION_MM, same_position_mm
from afunet.formats.readers import list_series, read_scan
from afunet.geometry import Volume

SLICES = 12


def volume(step_mm):
    affine = np.diag([1.0, 1.0, step_mm, 1.0])
    return Volume(np.arange(SLICES * 16).reshape(SLICES, 4, 4) * 9 - 1000, affine)


def write_rounded(write_series, folder, scan, decimals, **elements):
    def rounded(index):
        position = np.round((scan.affine @ [0, 0, index, 1])[:3], decimals)
        return {"ImagePositionPatient": position.tolist(), "SOPInstanceUID": f"1.9.{index}"}

    return write_series(folder, scan, change=rounded, **elements)


@pytest.mark.parametrize("step_mm", [0.33, 0.77, 1.27, 3.0, 5.01])
def test_copies_of_rounded_positions_are_left_out(tmp_path, write_series, step_mm):
    scan = volume(step_mm)
    write_series(tmp_path / "a", scan)
    write_rounded(write_series, tmp_path / "b", scan, 1)
    read = read_scan(tmp_path)
    assert [finding.code for finding in read.findings] == ["DUPLICATE_SLICES"]
    np.testing.assert_array_equal(read.volume.voxels, scan.voxels)
    assert read.volume.spacing_mm[2] == pytest.approx(step_mm, abs=0.1 / SLICES)
    (summary,) = list_series(tmp_path)
    assert (summary.slice_count, summary.image_count) == (SLICES, 2 * SLICES)
    assert summary.coverage_mm == pytest.approx(SLICES * step_mm, abs=0.1)


def test_other_values_at_a_place_rounded_away_are_refused(tmp_path, write_series, refusal):
    scan = volume(1.27)
    write_series(tmp_path / "a", scan)
    write_rounded(write_series, tmp_path / "b", scan.with_voxels(scan.voxels + 1), 1)
    assert refusal(GeometryError, read_scan, tmp_path).code == "SAME_POSITION"


@pytest.mark.parametrize("step_mm", [0.15, 0.25, 0.33, 0.625])
def test_rounded_positions_are_even(tmp_path, write_series, step_mm):
    scan = volume(step_mm)
    write_rounded(write_series, tmp_path, scan, 1)
    read = read_scan(tmp_path)
    assert "UNEVEN_SPACING" not in {finding.code for finding in read.findings}
    assert read.volume.voxels.shape == scan.voxels.shape
    assert read.volume.spacing_mm[2] == pytest.approx(step_mm, abs=0.1 / SLICES)


def test_slices_nearer_than_rounding_are_not_taken_for_copies(tmp_path, write_series):
    scan = volume(0.05)
    write_series(tmp_path, scan.with_voxels(np.where(scan.voxels > 0, scan.voxels, -1000)))
    assert read_scan(tmp_path).volume.shape[0] == SLICES


def test_the_tolerance_is_a_tenth_unless_slices_lie_as_near():
    places = np.arange(9) * 1.27
    assert same_position_mm(places) == SAME_POSITION_MM
    assert same_position_mm(np.sort([*places, *places.round(1)])) == SAME_POSITION_MM
    assert same_position_mm(np.arange(9) * 0.05) == EXACT_MM
    assert same_position_mm(np.array([0.0, 0.08, 0.16, 2.0])) == EXACT_MM
