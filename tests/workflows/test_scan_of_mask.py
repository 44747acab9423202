"""The CT of a mask comes onto the mask's grid, or is refused."""

from pathlib import Path

import numpy as np
import pytest
from tests.refusals import refused

from afunet.errors import InputError
from afunet.formats.labelling import Labelling
from afunet.formats.nifti import write_nifti
from afunet.geometry import Volume
from afunet.workflows.scan_of_mask import MARROW_HU, scan_on_grid


def placed(voxels: np.ndarray, origin_mm: tuple[float, float, float], mm: float = 1.0) -> Volume:
    affine = np.diag([mm, mm, mm, 1.0])
    affine[:3, 3] = origin_mm
    return Volume(voxels, affine)


def ramp(shape: tuple[int, int, int]) -> np.ndarray:
    """HU that rise by 20 with every column, from air."""
    return np.broadcast_to(np.arange(shape[2]) * 20.0 - 1000, shape).astype(np.int16)


def mask() -> Labelling:
    voxels = np.zeros((10, 10, 10), dtype=np.uint8)
    voxels[2:8, 2:8, 2:8] = 1
    return Labelling(placed(voxels, (5.0, 5.0, 5.0)))


def written(volume: Volume, tmp_path: Path) -> Path:
    path = tmp_path / "ct.nii.gz"
    write_nifti(volume, path)
    return path


def test_a_scan_on_the_masks_own_grid_stays_as_it_is(tmp_path: Path) -> None:
    hu = ramp((10, 10, 10))
    found, told = scan_on_grid(mask(), written(placed(hu, (5.0, 5.0, 5.0)), tmp_path))
    assert np.array_equal(found.voxels, hu)
    assert "SCAN_RESAMPLED" not in {one.code for one in told}


def test_a_finer_scan_of_a_larger_place_is_resampled(tmp_path: Path) -> None:
    path = written(placed(ramp((60, 60, 60)), (0.0, 0.0, 0.0), 0.5), tmp_path)
    found, told = scan_on_grid(mask(), path)
    assert found.same_grid(mask().volume)
    # column 0 of the mask is at 5 mm, the scan's column 10; its columns rise by 40 HU a millimetre
    assert np.allclose(found.voxels[5, 5], np.arange(10) * 40.0 - 800, atol=1e-3)
    assert {"SCAN_RESAMPLED"} <= {one.code for one in told}
    assert "SCAN_SHORT" not in {one.code for one in told}


def test_bone_beyond_the_scan_is_told_and_shows_no_line(tmp_path: Path) -> None:
    path = written(placed(ramp((10, 10, 10)), (7.5, 5.0, 5.0)), tmp_path)
    found, told = scan_on_grid(mask(), path)
    assert (found.voxels[:, :, :2] == MARROW_HU).all()
    assert "SCAN_SHORT" in {one.code for one in told}


def test_a_scan_of_another_place_is_refused(tmp_path: Path) -> None:
    path = written(placed(ramp((10, 10, 10)), (500.0, 5.0, 5.0)), tmp_path)
    with refused(InputError, "SCAN_ELSEWHERE"):
        scan_on_grid(mask(), path)


@pytest.mark.parametrize("mm", [0.0, 0.05])
def test_a_scan_off_by_rounding_counts_as_the_same_grid(tmp_path: Path, mm: float) -> None:
    path = written(placed(ramp((10, 10, 10)), (5.0 + mm, 5.0, 5.0)), tmp_path)
    assert "SCAN_RESAMPLED" not in {one.code for one in scan_on_grid(mask(), path)[1]}


def flesh() -> np.ndarray:
    """Tissue all over, and air in the columns from 60 on."""
    hu = np.random.default_rng(2).normal(50, 15, (10, 70, 70)).astype(np.float32)
    hu[..., 60:] = -1000
    return hu


@pytest.mark.parametrize(("column", "told"), [(0, True), (30, False)])
def test_a_cut_body_is_told_only_if_the_bone_is_cut(
    column: int, told: bool, tmp_path: Path
) -> None:
    voxels = np.zeros((10, 70, 70), dtype=np.uint8)
    voxels[2:8, 20:40, column : column + 20] = 1
    read = Labelling(placed(voxels, (5.0, 5.0, 5.0)))
    _, found = scan_on_grid(read, written(placed(flesh(), (5.0, 5.0, 5.0)), tmp_path))
    assert ("BODY_CUT" in {one.code for one in found}) is told


@pytest.mark.parametrize(("empty", "told"), [(0, False), (4, True)])
def test_an_empty_slice_is_told_only_if_bone_is_in_it(
    empty: int, told: bool, tmp_path: Path
) -> None:
    hu = flesh()
    hu[empty] = 0
    voxels = np.zeros((10, 70, 70), dtype=np.uint8)
    voxels[2:8, 20:40, 20:40] = 1
    read = Labelling(placed(voxels, (5.0, 5.0, 5.0)))
    _, found = scan_on_grid(read, written(placed(hu, (5.0, 5.0, 5.0)), tmp_path))
    assert ("EMPTY_SLICE" in {one.code for one in found}) is told
