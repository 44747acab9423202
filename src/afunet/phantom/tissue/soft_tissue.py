"""HU of everything between skin and bone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from afunet.phantom.config import SoftTissue
from afunet.phantom.shapes.arrays import Float32Array, FloatArray, Points, Rng
from afunet.phantom.shapes.blend import mix, step
from afunet.phantom.shapes.implicit import smooth_union
from afunet.phantom.shapes.noise import Textures
from afunet.phantom.tissue.envelope import LimbFrame

_HEIGHT_MM = (-420, -330, -200, -80, -35, 0, 40, 90, 160, 420, 600)
_SEPTUM_MM = (2.5, 1.4, 0.5, 0.6, 1.2, 1.8, 1.7, 1.0, 0.7, 0.9, 1.5)
# Wavelengths of the textures (mm) and HU, by eye from CT of legs without contrast medium. A name
# is that of the tissue; the factors beside it are its variation.
_CLOUD_MM, _ROUGH_MM, _BEND_MM = 30.0, (9.0, 9.0, 18.0), (70.0, 70.0, 140.0)
_STRAND_MM, _STRAND_WIDTH, _STRAND_HU, _HAZE_HU = (14.0, 14.0, 30.0), 0.16, 12, 110
_PERIOSTEUM_HU, _CAPSULE_HU, _TENDON_HU, _CARTILAGE_HU = 60.0, 55, 85, 88
_FLUID_HU, _FAT_PAD_HU, _VEIN_HU, _CHALK_HU, _GAS_HU = 22.0, 25, 42.0, 650.0, -700
_PERIOSTEUM_MM, _SKIN_MM, _CAPSULE_MM, _JOINT_SPACE_MM = 1.3, 1.6, 5, 10
_FLUID_BEHIND_MM = 40
"""An effusion fills the joint up to this distance behind the limb's middle."""
# Capsule, fat pad and patellar tendon: height above the joint line, and half of their height.
_KNEE_MM, _FAT_PAD_MM, _TENDON_REACH_MM = (10, 55), (5, 40), (15, 75)
_TENDON_HALF_MM, _TENDON_MM, _TENDON_DEPTH_MM = 14, 2.4, 3.5
_LIGAMENT_MM, _LIGAMENT_OFF_MM, _LIGAMENT_ACROSS_MM = 1.6, 2.5, 26
_SWAY_MM, _DRIFT_MM = 45, 200
"""Length along the limb over which vessels wind and muscles drift."""
# Largest radius of a muscle's section as a share of the limb's.
_ROUND = (0.3, 0.4, 0.8, 0.55, 0.33, 0.28, 0.3, 0.42, 0.7, 0.7, 0.7)


@dataclass(frozen=True, eq=False)
class Vessel:
    """A tube along the limb: its course in shares of the fascia's radius, and its radius."""

    across: float
    behind: float
    sway: float
    phase: float
    radius_mm: float
    hu: float
    wall: bool


@dataclass(frozen=True, eq=False)
class Muscles:
    """Muscles of one limb as cells: seeds (K, 2) in fascia radii, drift (K, 2), HU (K,)."""

    seeds: FloatArray
    drift: FloatArray
    hu: FloatArray
    vessels: tuple[Vessel, ...]


def draw_muscles(soft: SoftTissue, rng: Rng) -> Muscles:
    """Muscles and vessels of one limb."""
    seeds = _spread(int(rng.integers(9, 15)), rng)
    return Muscles(
        seeds=seeds,
        drift=rng.normal(0, 0.12, seeds.shape),
        hu=soft.muscle_hu + rng.normal(0, 3.5, len(seeds)),
        vessels=tuple(_draw_vessel(k, soft, rng) for k in range(int(rng.integers(10, 18)))),
    )


def _spread(count: int, rng: Rng) -> FloatArray:
    """Points in the unit disc, far apart: each is the best of some candidates."""
    points = [np.array([0.0, 0.6])]
    for _ in range(count - 1):
        angle, radius = rng.uniform(0, 2 * np.pi, 12), np.sqrt(rng.uniform(0.05, 0.9, 12))
        candidates = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        apart = np.linalg.norm(candidates[:, None] - np.array(points)[None], axis=2).min(axis=1)
        points.append(candidates[apart.argmax()])
    return np.array(points)


def _draw_vessel(index: int, soft: SoftTissue, rng: Rng) -> Vessel:
    phase, sway = rng.uniform(0, 2 * np.pi), rng.uniform(0.02, 0.08)
    if index < 3:
        across, behind = rng.normal(0, 0.08), rng.uniform(0.3, 0.5)
        artery = index == 0
        hu = soft.vessel_hu if artery else min(soft.vessel_hu, 60.0) - 5
        radius = rng.uniform(2.2, 4.2)
        return Vessel(across, behind, sway, phase, radius, hu, artery and soft.calcified)
    angle = rng.uniform(0, 2 * np.pi)
    reach = rng.uniform(1.0, 1.12) if rng.random() < 0.5 else rng.uniform(0.3, 0.95)
    across, behind = reach * np.cos(angle), reach * np.sin(angle)
    return Vessel(across, behind, sway, phase, rng.uniform(0.6, 2.0), _VEIN_HU, False)


def soft_hu(
    points: Points,
    limb: LimbFrame,
    muscles: Muscles,
    bone_mm: Float32Array,
    second_mm: Float32Array,
    soft: SoftTissue,
    textures: Textures,
) -> Float32Array:
    """HU (N,) of soft tissue at points (N, 3) in the body.

    `bone_mm` and `second_mm` are the distances to the nearest and second nearest bone.
    """
    cloud = textures.cloudy.at(points, _CLOUD_MM)
    rough = textures.cloudy.at(points, _ROUGH_MM)
    fat = soft.fat_hu + 5 * cloud + _strands(points, textures) * (_STRAND_HU + _HAZE_HU * soft.haze)
    bend = textures.cloudy.at(points, _BEND_MM)
    flesh = _flesh_hu(limb, muscles, bend, cloud, rough, fat, soft)
    flesh = _around_knee(flesh, limb, bone_mm, cloud, rough, soft)
    hu = mix(fat, flesh, step(-limb.muscle_mm, 0.7))
    hu = _with_vessels(hu, limb, muscles)
    near_bone = step(_PERIOSTEUM_MM - bone_mm, 0.6) * (0.5 + 0.3 * cloud)
    hu = mix(hu, np.float32(_PERIOSTEUM_HU), np.clip(near_bone, 0, 1))
    hu = _with_joints(hu, bone_mm, second_mm, cloud, soft)
    if soft.gas:
        hu = np.where((rough > 2.3) & (cloud > 0.8), np.float32(_GAS_HU), hu)
    skin = step(limb.skin_mm + _SKIN_MM, 0.5)
    return np.asarray(mix(hu, soft.skin_hu + 8 * rough, skin), dtype=np.float32)


def _flesh_hu(
    limb: LimbFrame,
    muscles: Muscles,
    bend: Float32Array,
    cloud: Float32Array,
    rough: Float32Array,
    fat: Float32Array,
    soft: SoftTissue,
) -> Float32Array:
    """Muscle cells with fat between them and, to some degree, within them."""
    u, v = limb.across_mm + 6 * bend, limb.behind_mm - 6 * bend
    level = limb.height_mm / _DRIFT_MM
    first = np.full(u.shape, np.inf, dtype=np.float32)
    second, owner = first.copy(), np.zeros(u.shape, dtype=np.intp)
    for k, (seed, drift) in enumerate(zip(muscles.seeds, muscles.drift, strict=True)):
        x = (seed[0] + drift[0] * level) * limb.radius_mm
        y = (seed[1] + drift[1] * level) * limb.radius_mm
        distance = np.hypot(u - x, v - y).astype(np.float32)
        closer = distance < first
        second = np.where(closer, first, np.minimum(second, distance))
        owner = np.where(closer, k, owner)
        first = np.where(closer, distance, first)
    width = np.interp(limb.height_mm, _HEIGHT_MM, _SEPTUM_MM) * (0.5 + 2.0 * soft.septa)
    # Near the knee, muscles have a round section, with more fat in the corners between them.
    reach = limb.radius_mm * np.interp(limb.height_mm, _HEIGHT_MM, _ROUND) - first
    inside = step(smooth_union((second - first) / 2 - width, reach, 6.0), 0.7)
    fatty = soft.infiltration * np.clip(0.5 + 0.6 * rough + 0.4 * cloud, 0, 1)
    hu = muscles.hu[owner] + 2.5 * rough
    return mix(
        fat + 10,
        np.asarray(hu, dtype=np.float32),
        np.asarray(inside * (1 - fatty), dtype=np.float32),
    )


def _around_knee(
    hu: Float32Array,
    limb: LimbFrame,
    bone_mm: Float32Array,
    cloud: Float32Array,
    rough: Float32Array,
    soft: SoftTissue,
) -> Float32Array:
    """The capsule, the fat pad behind the patellar tendon, the tendons, and the joint fluid."""
    knee = _about(limb.height_mm, *_KNEE_MM)
    front = step(-limb.behind_mm - 0.25 * limb.radius_mm, 6.0)
    front = front * _about(limb.height_mm, *_FAT_PAD_MM)
    hu = mix(hu, soft.fat_hu + _FAT_PAD_HU + 25 * rough, np.clip(front * 0.95, 0, 1))
    capsule = knee * step(_CAPSULE_MM + 4 * cloud - bone_mm, 2.0)
    hu = mix(hu, _CAPSULE_HU + 12 * rough, np.clip(capsule, 0, 0.85))
    fluid = knee * soft.effusion * step(6 + 12 * soft.effusion + 6 * cloud - bone_mm, 1.5)
    hu = mix(
        hu,
        np.float32(_FLUID_HU),
        np.clip(1.4 * fluid * step(_FLUID_BEHIND_MM - limb.behind_mm, 10), 0, 1),
    )
    if soft.arthrogram_hu:
        # A film on cartilage and capsule, thick in the notch and the recesses.
        thick_mm = 1.0 + 5 * soft.effusion + 7 * cloud + rough
        filled = knee * step(thick_mm - bone_mm, 0.6) * step(bone_mm - 0.4, 0.3)
        hu = mix(hu, np.float32(soft.arthrogram_hu), np.clip(1.3 * filled, 0, 1))
    middle = step(_TENDON_HALF_MM - np.abs(limb.across_mm), 2.0) * step(-limb.behind_mm, 3.0)
    tendon = middle * step(_TENDON_MM - np.abs(limb.muscle_mm + _TENDON_DEPTH_MM), 0.6)
    tendon = tendon * _about(limb.height_mm, *_TENDON_REACH_MM, 6)
    sides = (
        step(_LIGAMENT_MM - np.abs(bone_mm - _LIGAMENT_OFF_MM), 0.8)
        * step(np.abs(limb.across_mm) - _LIGAMENT_ACROSS_MM, 5)
        * knee
    )
    return mix(hu, _TENDON_HU + 8 * rough, np.clip(tendon + 0.8 * sides, 0, 1))


def _with_joints(
    hu: Float32Array,
    bone_mm: Float32Array,
    second_mm: Float32Array,
    cloud: Float32Array,
    soft: SoftTissue,
) -> Float32Array:
    """Cartilage and menisci where two bones are close."""
    between = step(_JOINT_SPACE_MM - (bone_mm + second_mm), 2.0)
    cartilage = _CARTILAGE_HU + 10 * cloud - 45 * soft.effusion * step(bone_mm - 1.5, 0.8)
    hu = mix(hu, cartilage, between)
    if soft.arthrogram_hu:
        film = between * step(0.5 - np.abs(bone_mm - second_mm) / 2, 0.3)
        hu = mix(hu, np.float32(soft.arthrogram_hu), film)
    return hu


def _with_vessels(hu: Float32Array, limb: LimbFrame, muscles: Muscles) -> Float32Array:
    for vessel in muscles.vessels:
        turn = limb.height_mm / _SWAY_MM + vessel.phase
        x = (vessel.across + vessel.sway * np.sin(turn)) * limb.radius_mm
        y = (vessel.behind + vessel.sway * np.cos(0.7 * turn)) * limb.radius_mm
        distance = np.hypot(limb.across_mm - x, limb.behind_mm - y) - vessel.radius_mm
        hu = mix(hu, np.float32(vessel.hu), step(-distance, 0.6))
        if vessel.wall:
            patchy = np.clip(np.sin(5 * turn) + np.cos(3 * np.arctan2(y, x) + turn), 0, 1)
            hu = mix(hu, np.float32(_CHALK_HU), step(0.8 - np.abs(distance), 0.5) * patchy)
    return hu


def _strands(points: Points, textures: Textures) -> Float32Array:
    """Thin bright sheets in fat, 0 to 1."""
    sheets = np.abs(textures.cloudy.at(points + 53, _STRAND_MM))
    return np.asarray(np.clip(1 - sheets / _STRAND_WIDTH, 0, 1), dtype=np.float32)


def _about(
    height_mm: Float32Array, middle_mm: float, half_mm: float, power: int = 2
) -> Float32Array:
    """1 at a height, decreasing above and below it; a high power makes it a plateau."""
    return np.asarray(np.exp(-(((height_mm - middle_mm) / half_mm) ** power)))
