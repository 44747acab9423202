"""Limits of voxel sizes: which are possible, and which still show a bone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from afunet.errors import ConfigError, GeometryError
from afunet.findings import Finding, warning

# Laboratory scanners of bone samples reach 0.01 mm; no scanner's pixel is larger than 50 mm.
SMALLEST_MM, LARGEST_MM = 0.005, 50.0
# A fibula is 12 mm thick, and the cortex of a shaft 2 to 8 mm. Pixels larger than 4 mm show a shaft
# only as a bright spot; slices 20 mm apart miss the ends of a patella and a fracture.
COARSE_PIXEL_MM, COARSEST_PIXEL_MM = 2.0, 4.0
COARSE_SLICE_MM, COARSEST_SLICE_MM = 6.0, 20.0


Spacing = tuple[float, float, float]


def given_grid(spacing_mm: Spacing | None) -> NDArray[np.float64]:
    """Return the affine (4, 4) for a given voxel size, 1 mm without one.

    Raises `ConfigError` unless the size has three numbers above 0.
    """
    if spacing_mm is None:
        return np.eye(4)
    given = np.asarray(spacing_mm)
    if given.shape != (3,) or given.dtype.kind not in "iuf" or not (given > 0).all():
        raise ConfigError(
            f"spacing_mm is {spacing_mm!r}, expected three numbers above 0: give the voxel size "
            "in mm along (column, row, slice)"
        )
    if not np.isfinite(given).all():
        raise ConfigError(f"spacing_mm is {spacing_mm!r}, expected finite numbers: give mm")
    return np.diag([*given.astype(np.float64), 1.0])


def is_believable(length_mm: float) -> bool:
    """Whether a voxel can have this size."""
    return bool(np.isfinite(length_mm) and SMALLEST_MM <= length_mm <= LARGEST_MM)


def require_believable(spacing_mm: Sequence[float] | NDArray[np.float64], what: str) -> None:
    """Raise `GeometryError` (`BAD_SPACING`) for impossible voxel sizes; `what` names them."""
    if all(is_believable(float(length)) for length in spacing_mm):
        return
    sizes = " × ".join(f"{float(length):.6g}" for length in spacing_mm)
    raise GeometryError(
        f"{what} is {sizes} mm, expected sizes from {SMALLEST_MM:g} to {LARGEST_MM:g} mm: export "
        "the series again",
        code="BAD_SPACING",
    )


def size_finding(spacing_mm: Sequence[float] | NDArray[np.float64]) -> tuple[Finding, ...]:
    """Warn about label voxels of a size that no CT has; a scan with such voxels is refused."""
    if all(is_believable(float(length)) for length in spacing_mm):
        return ()
    sizes = " × ".join(f"{float(length):.4g}" for length in spacing_mm)
    message = f"the voxels measure {sizes} mm, which no CT has: is the file's unit of length right?"
    return (warning("VOXEL_SIZE_IMPLAUSIBLE", message),)


def spacing_findings(spacing_mm: Sequence[float] | NDArray[np.float64]) -> tuple[Finding, ...]:
    """Warn about a scan's coarse voxels; the two smaller sizes count as those of the pixels.

    Raises `GeometryError`: `BAD_SPACING` for impossible voxel sizes, `TOO_COARSE` for voxels too
    large to show a bone.
    """
    require_believable(spacing_mm, "the voxel size")
    *pixel_mm, slice_mm = sorted(float(length) for length in spacing_mm)
    _require_fine(max(pixel_mm), COARSEST_PIXEL_MM, "the pixels are", "wide")
    _require_fine(slice_mm, COARSEST_SLICE_MM, "the slices lie", "apart")
    if max(pixel_mm) > COARSE_PIXEL_MM:
        message = f"the pixels are {max(pixel_mm):.3g} mm wide: thin bone may not be seen"
        return (warning("COARSE_PIXELS", message),)
    if slice_mm > COARSE_SLICE_MM:
        message = f"the slices lie {slice_mm:.3g} mm apart: bone between them is a guess"
        return (warning("COARSE_SLICES", message),)
    return ()


def _require_fine(length_mm: float, most_mm: float, what: str, how: str) -> None:
    if length_mm > most_mm:
        raise GeometryError(
            f"{what} {length_mm:.3g} mm {how}, but only up to {most_mm:g} mm show the shape of a "
            "bone: give finer slices",
            code="TOO_COARSE",
        )
