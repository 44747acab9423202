"""HU inside a bone: cortex, trabecular bone and marrow, by depth and position along the bone."""

from __future__ import annotations

import numpy as np

from afunet.anatomy.bones import Bone as BoneKind
from afunet.phantom.config import BoneQuality
from afunet.phantom.shapes.arrays import Float32Array, Points
from afunet.phantom.shapes.noise import Textures

# By the distance from the nearer end of a long bone: thickness of the cortex, share of
# trabecular bone (the rest is marrow fat) and HU of trabecular bone. By eye from CT.
_FROM_END_MM = (0, 15, 30, 45, 60, 80, 105, 140, 200)
_CORTEX_MM = (0.5, 0.6, 0.8, 1.1, 1.7, 2.7, 3.9, 4.9, 5.8)
_FILLING = (1.0, 1.0, 0.95, 0.85, 0.65, 0.4, 0.18, 0.05, 0.0)
_SPONGY_HU = (300, 270, 220, 180, 150, 130, 120, 120, 120)
_CLOUD_MM, _UNEVEN_MM, _PATCH_MM = 26.0, 18.0, 22.0
"""Wavelengths of the variation of density, cortical thickness and loss."""
_LOAD_MM, _PLATE_MM = 11, 0.7
"""Distance over which the load from another bone falls to a third; thickness of a joint's plate."""
_SOLID_MM = 2.2
"""Cortex thinner than this is porous."""
_BELOW_MARROW_HU = 20
_END_MM, _LEAST_LEFT = 35, 0.05
"""Distance from a bone's ends up to which bone is lost, and the share that always remains."""
# Trabeculae: sharpness of their walls, scale of the coarse net, and the mean of both nets.
_WALL, _COARSER, _NET_MEAN = 0.45, 3.4, 0.86
_SCAR_MM = 26
"""Distance from a femur's end to the scar of its growth plate."""
_SLENDEREST = 0.7
# Bones with a shaft and a marrow cavity, then those without.
_SLENDER = {BoneKind.FEMUR: 1.0, BoneKind.TIBIA: 0.9, BoneKind.FIBULA: 0.5}
_SHORT_FILLING, _SHORT_SPONGY_HU = 0.9, 230
_SHORT_CORTEX_MM = {
    BoneKind.PATELLA: 1.1,
    BoneKind.PELVIS: 1.2,
    BoneKind.VERTEBRA: 0.7,
}
_OTHER_CORTEX_MM = 1.5


def bone_hu(
    kind: BoneKind,
    ends_mm: tuple[float, float],
    points: Points,
    depth_mm: Float32Array,
    other_mm: Float32Array,
    quality: BoneQuality,
    textures: Textures,
) -> Float32Array:
    """HU (N,) at points (N, 3) of the bone's own frame.

    `depth_mm` is the depth below the intact surface. `other_mm` is the distance to the nearest
    other bone, since bone is denser near a joint.
    """
    cloud = textures.cloudy.at(points, _CLOUD_MM)
    load = np.exp(-np.maximum(other_mm, 0) / _LOAD_MM)
    from_end = np.minimum(points[..., 2] - ends_mm[0], ends_mm[1] - points[..., 2])
    cortex, filling, spongy = _layout(kind, from_end)
    if quality.end_loss or quality.patchy:
        left = _left(kind, from_end, points, quality, textures)
        cortex, spongy = cortex * np.sqrt(left), spongy * left
    uneven = np.exp(0.3 * textures.cloudy.at(points + 71, _UNEVEN_MM))
    thick = quality.cortex * (cortex * uneven + _PLATE_MM * load**2)
    packed = quality.density * (spongy * (1 + 0.2 * cloud) + quality.sclerosis_hu * load)
    packed = packed + quality.scar_hu * _scar(kind, from_end, points, textures)
    below = np.exp(-np.maximum(depth_mm - thick, 0) / (2.5 + 0.5 * thick))
    full = np.clip(filling * (1 + 0.15 * cloud) + 0.5 * below * quality.density, 0, 1)
    inside = quality.marrow_hu + full * (packed - quality.marrow_hu) * (
        1 + quality.contrast * _net(points, quality.trabecula_mm, textures)
    )
    inside = np.maximum(inside, quality.marrow_hu - _BELOW_MARROW_HU)
    # Cortex thinner than a millimetre is porous; that of a shaft is dense.
    dense = quality.cortex_hu * (0.5 + 0.5 * np.clip(thick / _SOLID_MM, 0, 1)) * (1 + 0.04 * cloud)
    edge = 0.3 + 0.22 * thick
    share = np.clip(0.5 + (thick - depth_mm) / edge, 0, 1)
    return np.asarray(inside + (np.maximum(dense, inside) - inside) * share, dtype=np.float32)


def _layout(kind: BoneKind, from_end: Points) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Cortical thickness, share of trabecular bone and its HU, by the distance to an end."""
    if kind not in _SLENDER:
        return (
            np.full(from_end.shape, _SHORT_CORTEX_MM.get(kind, _OTHER_CORTEX_MM), np.float32),
            np.full(from_end.shape, _SHORT_FILLING, np.float32),
            np.full(from_end.shape, _SHORT_SPONGY_HU, np.float32),
        )
    slender = _SLENDER[kind]
    where = from_end / max(slender, _SLENDEREST)
    columns = [np.interp(where, _FROM_END_MM, row) for row in (_CORTEX_MM, _FILLING, _SPONGY_HU)]
    cortex, filling, spongy = (column.astype(np.float32) for column in columns)
    return np.maximum(cortex * slender, _CORTEX_MM[0]), filling, spongy


def _left(
    kind: BoneKind, from_end: Points, points: Points, quality: BoneQuality, textures: Textures
) -> Float32Array:
    """The share of bone that remains after loss: less towards the ends, and in patches."""
    near = np.exp(-np.maximum(from_end, 0) / _END_MM) if kind in _SLENDER else 1.0
    thin = np.clip(0.5 + textures.cloudy.at(points + 23, _PATCH_MM), 0, 1)
    left = (1 - quality.end_loss * near) * (1 - quality.patchy * thin)
    return np.asarray(np.clip(left, _LEAST_LEFT, 1), dtype=np.float32)


def _net(points: Points, wavelength_mm: float, textures: Textures) -> Float32Array:
    """Trabeculae, with mean about 0: thin bright walls in two sizes, elongated along the bone."""
    x, z = wavelength_mm, 2.5 * wavelength_mm
    fine = np.exp(np.abs(textures.fine.at(points, (2 * x, 2 * x, 2 * z))) / -_WALL)
    coarse = np.exp(
        np.abs(textures.fine.at(points + 31, (_COARSER * x, _COARSER * x, 2 * z))) / -_WALL
    )
    patches = 1 + 0.35 * textures.cloudy.at(points + 17, 9.0)
    return np.asarray((1.3 * fine + 0.9 * coarse - _NET_MEAN) * patches, dtype=np.float32)


def _scar(kind: BoneKind, from_end: Points, points: Points, textures: Textures) -> Float32Array:
    """The scar of the growth plate, 1 on it: about 25 mm from the ends of long bones."""
    if kind not in _SLENDER:
        return np.zeros(points.shape[:-1], np.float32)
    wavy = from_end - _SCAR_MM * _SLENDER[kind] - 3 * textures.cloudy.at(points, 40.0)
    return np.asarray(np.exp(-0.5 * (wavy / 1.0) ** 2), dtype=np.float32)
