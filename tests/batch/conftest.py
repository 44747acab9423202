"""Small scans for batches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest

from afunet.phantom import Anatomy, LegConfig, axial_grid, simulate

Scans = Callable[[int], Path]


@pytest.fixture(scope="session")
def small_leg() -> nibabel.Nifti1Image:
    grid = axial_grid((10, 64, 64), 2.6, 5.0, (95, 8, 0))
    volume = simulate(LegConfig(grid=grid, anatomy=Anatomy(surface_step_mm=2.0))).volume
    ras = np.diag([-1.0, -1.0, 1.0, 1.0]) @ volume.affine
    return nibabel.Nifti1Image(volume.voxels.astype(np.int16).transpose(2, 1, 0), ras)


@pytest.fixture
def scans(tmp_path: Path, small_leg: nibabel.Nifti1Image) -> Scans:
    """Writes so many scans, each a little different, into a folder."""

    def write(count: int) -> Path:
        folder = tmp_path / "scans"
        folder.mkdir(exist_ok=True)
        for number in range(count):
            voxels = np.asarray(small_leg.dataobj) + np.int16(number)
            image = nibabel.Nifti1Image(voxels, small_leg.affine)
            nibabel.save(image, folder / f"leg-{number:02d}.nii.gz")
        return folder

    return write
