"""An analytic left leg about the knee: HU and bone at any point, in LPS millimetres.

The surfaces of its bones are known exactly; the HU across them are ramps of about a voxel that
pass 200 HU at the surface, so that a finely sampled grid above 200 HU is the exact bone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
Vector = tuple[float, float, float]

THRESHOLD_HU = 200.0
# Off the scanner's axis and far along the table: a wrong sign moves the leg out of sight.
CENTRE_MM: FloatArray = np.array([118.3, -27.6, -412.4])

SKIN_CENTRE_MM, SKIN_RADII_MM = (0.0, 2.0), (39.0, 39.0)
# HU by depth below the skin and below the surface of a bone.
SKIN_DEPTHS_MM, SKIN_HU = (-1.0, 1.0), (-1000.0, 50.0)
BONE_DEPTHS_MM = (-1.0, 0.0, 1.0, 2.0, 4.0, 5.5)
BONE_HU = (50.0, THRESHOLD_HU, 350.0, 1200.0, 1200.0, 350.0)

# Ellipsoids by centre and radii; the patient's left is +x, his back +y, his head +z.
MEDIAL_CONDYLE = (-12.0, 3.0, 14.0), (12.5, 16.0, 11.5)
LATERAL_CONDYLE = (12.0, 3.0, 13.5), (11.5, 15.0, 11.0)
PLATEAU = (-2.0, 2.0, -13.0), (24.0, 19.0, 10.5)
PATELLA = (1.0, -26.0, 14.0), (13.0, 6.0, 13.0)
# The fibula ends below its neck, so that all of it lies in one box.
FIBULA_HEAD = (30.0, 9.0, -20.0), (5.0, 5.5, 8.0)
FIBULA_NECK = (30.0, 10.0, -27.0), (4.2, 4.0, 10.5)
BLOBS = (MEDIAL_CONDYLE, LATERAL_CONDYLE, PLATEAU, PATELLA, FIBULA_HEAD, FIBULA_NECK)
NEAR_MM = 3.0

# Boxes that hold one isolated bone each: lowest and highest corner from the centre of the leg.
BOXES_MM: dict[str, tuple[Vector, Vector]] = {
    "patella": ((-16.0, -36.0, -2.0), (18.0, -16.5, 30.0)),
    "fibula head": ((23.5, 1.0, -39.5), (37.0, 17.0, -9.0)),
}


def hu_at(points_mm: ArrayLike) -> FloatArray:
    """HU (...) at LPS millimetres (..., 3)."""
    local = np.asarray(points_mm, dtype=np.float64) - CENTRE_MM
    x, y = (local[..., axis] - SKIN_CENTRE_MM[axis] for axis in (0, 1))
    hu = np.interp(-_ellipse_mm((x, y), SKIN_RADII_MM), SKIN_DEPTHS_MM, SKIN_HU)
    deep = hu >= SKIN_HU[-1]  # all bones lie deeper than the skin's ramp
    if deep.any():
        hu[deep] = np.interp(-_bone_distance_mm(local[deep]), BONE_DEPTHS_MM, BONE_HU)
    return hu


def bone_at(points_mm: ArrayLike) -> NDArray[np.bool_]:
    """Whether LPS millimetres (..., 3) lie in bone, marrow included."""
    local = np.asarray(points_mm, dtype=np.float64) - CENTRE_MM
    return np.asarray(_bone_distance_mm(local) <= 0)


def landmarks_of(points_mm: FloatArray, bone: NDArray[np.bool_]) -> dict[str, FloatArray]:
    """The centroids in mm of the isolated bones among points (..., 3); NaN where there is none."""
    local = points_mm - CENTRE_MM
    found = {}
    for name, (low, high) in BOXES_MM.items():
        inside = bone & ((local >= low) & (local <= high)).all(axis=-1)
        found[name] = points_mm[inside].mean(axis=0) if inside.any() else np.full(3, np.nan)
    return found


def _bone_distance_mm(local: FloatArray) -> FloatArray:
    x, y, z = np.moveaxis(local, -1, 0)
    femur = np.maximum(_ellipse_mm((x - 0.08 * z, y - 1.0), (12.0, 13.0)), 14.0 - z)
    tibia = np.maximum(_ellipse_mm((x + 3.0 - 0.05 * z, y - 2.0), (10.5, 12.0)), z + 13.0)
    blobs = [blob for blob in BLOBS if _comes_near(local, *blob)]
    ellipsoids = [_ellipse_mm(np.moveaxis(local - centre, -1, 0), radii) for centre, radii in blobs]
    return np.minimum.reduce([femur, tibia, *ellipsoids])


def _comes_near(local: FloatArray, centre: Vector, radii: Vector) -> bool:
    """Whether the points' box reaches an ellipsoid: slices far from it need not measure it."""
    low, high = (extreme(axis=tuple(range(local.ndim - 1))) for extreme in (local.min, local.max))
    reach = np.array(radii) + NEAR_MM
    return bool((low <= centre + reach).all() and (high >= centre - reach).all())


def _ellipse_mm(offsets: ArrayLike, radii: tuple[float, ...]) -> FloatArray:
    """Distance to an ellipse or ellipsoid, negative inside; exact to first order at its surface."""
    scaled = [offset / radius for offset, radius in zip(offsets, radii, strict=True)]
    steepness = [offset / radius for offset, radius in zip(scaled, radii, strict=True)]
    reach = np.sqrt(sum(part**2 for part in scaled))
    slope = np.sqrt(sum(part**2 for part in steepness))
    return np.asarray(reach * (reach - 1) / np.maximum(slope, 1e-9))


def _fine_landmarks() -> dict[str, FloatArray]:
    found = {}
    for name, (low, high) in BOXES_MM.items():
        axes = [np.arange(start, stop, 0.25) for start, stop in zip(low, high, strict=True)]
        points_mm = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1) + CENTRE_MM
        found[name] = landmarks_of(points_mm, bone_at(points_mm))[name]
    return found


LANDMARKS: dict[str, FloatArray] = _fine_landmarks()
