"""The smallest leg worth simulating."""

from __future__ import annotations

import pytest

from afunet.phantom import Anatomy, LegConfig, axial_grid


@pytest.fixture(scope="session")
def tiny_leg() -> LegConfig:
    """3 × 40 × 40 voxels of 3 mm at the joint line of a left knee, surfaces in 3 mm steps."""
    anatomy = Anatomy(surface_step_mm=3.0, warp_mm=0.0)
    grid = axial_grid((3, 40, 40), 3.0, 3.0, (100.0, 10.0, 10.0))
    return LegConfig(seed=5, grid=grid, anatomy=anatomy)
