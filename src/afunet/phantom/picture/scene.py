"""The scene in the scanner: bones, limbs with their tissue, metal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from afunet.anatomy.bones import Bone as BoneKind
from afunet.errors import ConfigError
from afunet.geometry import Volume
from afunet.phantom.config import LegConfig
from afunet.phantom.shapes.arrays import Rng
from afunet.phantom.shapes.distance import Box
from afunet.phantom.shapes.noise import Textures
from afunet.phantom.shapes.streams import Stream
from afunet.phantom.skeleton.bones import Bone
from afunet.phantom.skeleton.build import build_bones, fractured
from afunet.phantom.skeleton.metal import Metal, place
from afunet.phantom.tissue.clutter import Grain, draw_clutter
from afunet.phantom.tissue.defects import Defect, draw_defects
from afunet.phantom.tissue.envelope import Envelope, draw_envelope
from afunet.phantom.tissue.joint_tissue import Filling, draw_fillings
from afunet.phantom.tissue.organ_places import draw_contents
from afunet.phantom.tissue.soft_tissue import Muscles, draw_muscles
from afunet.phantom.tissue.trunk import Trunk
from afunet.phantom.tissue.vessel_courses import limb_vessels, trunk_vessels
from afunet.phantom.tissue.vessels import Tube

_AROUND_MM, _BEYOND_MM = 6.0, 10
"""The margin around the grid in which bones are built, and a further margin for limbs."""
# An adult's trunk around the pelvis: half-width over the iliac crests and half-depth, the tissue
# over them, and the positions of its middle and lower end relative to the bone. By eye from CT.
_CRESTS_MM, _FLANK_MM, _PELVIS_DEPTH_MM, _BUTTOCK_MM = 137, 16, 88, 10
_BEFORE_BONE_MM, _BELOW_SEAT_MM = 8, 5


@dataclass(frozen=True, eq=False)
class Limb:
    """Soft tissue of one leg, or of the trunk."""

    outside: Envelope | Trunk
    muscles: Muscles
    vessels: tuple[Tube, ...] = ()
    clutter: tuple[Grain, ...] = ()


@dataclass(frozen=True, eq=False)
class Scene:
    """All objects of a simulation, ready to be evaluated point by point."""

    config: LegConfig
    bones: tuple[Bone, ...]
    limbs: tuple[Limb, ...]
    metal: tuple[tuple[Bone, Metal, float], ...]
    defects: tuple[Defect, ...]
    fillings: tuple[Filling, ...]
    textures: Textures
    back_mm: float
    middle_x_mm: float


def build_scene(config: LegConfig) -> Scene:
    """Build the bones, limbs and metal of a config; `ConfigError` if no bone is in view."""
    volume = config.grid.empty()
    seen = _seen(volume)
    whole = build_bones(config.anatomy, seen, config.seed, config.feet)
    if not whole:
        raise ConfigError(
            "no bone lies in the grid: move the grid to the bones", code="NO_BONE_IN_GRID"
        )
    bones = fractured(whole, config.fractures)
    rng = Stream.LIMBS.of(config.seed)
    limbs = _furnished(_limbs(bones, seen, config, rng), bones, seen, config)
    named = {bone.name: bone for bone in bones}
    metal = [
        (named[implant.bone], part, implant.hu)
        for implant in config.implants
        if implant.bone in named
        for part in place(implant, named[implant.bone])
    ]
    back, middle = _resting_place(limbs, seen)
    return Scene(
        config,
        tuple(bones),
        tuple(limbs),
        tuple(metal),
        tuple(draw_defects(bones, config.bone, rng)),
        tuple(_fillings(bones, config)),
        Textures.draw(config.seed),
        back - config.soft.flattened_mm,
        middle,
    )


def _fillings(bones: list[Bone], config: LegConfig) -> Iterator[Filling]:
    rng = Stream.JOINT_TISSUE.of(config.seed, 1)
    return draw_fillings(config.soft.joint_tissue, bones, config.anatomy.scale, rng)


def _seen(volume: Volume) -> Box:
    slices, rows, columns = volume.shape
    axes = np.meshgrid([0, columns - 1], [0, rows - 1], [0, slices - 1], indexing="ij")
    corners = volume.to_mm(np.stack(axes, axis=-1).reshape(-1, 3))
    return Box.around(corners, _AROUND_MM)


def _limbs(bones: list[Bone], seen: Box, config: LegConfig, rng: Rng) -> list[Limb]:
    sides: dict[str, list[Bone]] = {}
    for bone in bones:
        if bone.kind not in (BoneKind.PELVIS, BoneKind.VERTEBRA):
            side = bone.name.rsplit(" ", 1)[-1]
            sides.setdefault(side if side in ("left", "right") else "left", []).append(bone)
    heights = (seen.low_mm[2] - _BEYOND_MM, seen.high_mm[2] + _BEYOND_MM)
    limbs = [
        Limb(
            draw_envelope(
                np.concatenate([bone.surface_points_mm() for bone in group]),
                0.0,
                1.0 if side == "left" else -1.0,
                config.anatomy.scale,
                config.soft.girth,
                heights,
                rng,
            ),
            draw_muscles(config.soft, rng),
        )
        for side, group in sides.items()
    ]
    pelvis = [bone for bone in bones if bone.kind is BoneKind.PELVIS]
    if pelvis:
        limbs.append(_trunk(pelvis[0], config, rng))
    return limbs


def _furnished(limbs: list[Limb], bones: list[Bone], seen: Box, config: LegConfig) -> list[Limb]:
    """The limbs with vessels, organs and clutter of the config, each drawn independently."""
    rng = Stream.FURNISHING.of(config.seed)
    pelvis = next((bone for bone in bones if bone.kind is BoneKind.PELVIS), None)
    heights = (seen.low_mm[2], seen.high_mm[2])
    done = []
    for limb in limbs:
        if isinstance(limb.outside, Trunk) and pelvis is not None:
            limb = _furnished_trunk(limb, limb.outside, pelvis, config, rng)
        elif config.soft.angiogram is not None:
            limb = replace(limb, vessels=limb_vessels(config.soft.angiogram, rng))
        if config.clutter is not None:
            limb = replace(limb, clutter=draw_clutter(config.clutter, heights, rng))
        done.append(limb)
    return done


def _furnished_trunk(limb: Limb, trunk: Trunk, pelvis: Bone, config: LegConfig, rng: Rng) -> Limb:
    low, high = pelvis.ends_mm
    scale, soft = config.anatomy.scale, config.soft
    if config.organs is not None:
        half = (trunk.half_width_mm - trunk.fat_mm, trunk.half_depth_mm - trunk.fat_mm)
        contents = draw_contents(config.organs, half, low, high - low, scale, soft.fat_hu, rng)
        limb = replace(limb, outside=replace(trunk, contents=contents))
    if soft.angiogram is not None:
        limb = replace(limb, vessels=trunk_vessels(soft.angiogram, low, high - low, scale, rng))
    return limb


def _trunk(pelvis: Bone, config: LegConfig, rng: Rng) -> Limb:
    points = pelvis.surface_points_mm()
    girth = config.soft.girth
    width = 1.05 * _CRESTS_MM * config.anatomy.scale + _FLANK_MM + girth.fat_mm
    depth = (_PELVIS_DEPTH_MM * config.anatomy.scale + _BUTTOCK_MM) * (
        0.85 + 0.15 * girth.muscle
    ) + girth.fat_mm
    middle = float(np.median(points[:, 1])) - _BEFORE_BONE_MM
    trunk = Trunk(width, depth, middle, pelvis.ends_mm[0] - _BELOW_SEAT_MM, girth.fat_mm, 0.0)
    return Limb(trunk, draw_muscles(config.soft, rng))


def _resting_place(limbs: list[Limb], seen: Box) -> tuple[float, float]:
    """The y position of the backs of the limbs, and the x position of their middle."""
    backs, middles = [], []
    for limb in limbs:
        if isinstance(limb.outside, Trunk):
            backs.append(limb.outside.middle_mm + limb.outside.half_depth_mm)
            middles.append(0.0)
            continue
        outside = limb.outside
        column = outside.fascia_mm.shape[1] // 4
        reach = outside.fascia_mm[:, column] + outside.fat_mm[:, column]
        backs.append(float((outside.centre_mm[:, 1] + reach).max()))
        middles.append(float(outside.centre_mm[:, 0].mean()))
    return max(backs), float(np.mean(middles))
