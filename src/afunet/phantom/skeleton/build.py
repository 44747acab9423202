"""Building the bones of a config in the patient, cut to the field of view."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from afunet.anatomy.bones import Bone as BoneKind
from afunet.errors import ConfigError
from afunet.geometry import Mesh
from afunet.phantom.config import Anatomy, Fracture, Pose, Source
from afunet.phantom.shapes.arrays import FloatArray, Points
from afunet.phantom.shapes.distance import Box, grid_of_implicit, grid_of_mesh
from afunet.phantom.shapes.noise import SMOOTH, NoiseField
from afunet.phantom.shapes.placing import shift, turn
from afunet.phantom.shapes.streams import Stream
from afunet.phantom.skeleton.bones import Bone
from afunet.phantom.skeleton.fracture import break_bone
from afunet.phantom.skeleton.hip import femoral_head
from afunet.phantom.skeleton.joints import carved, seated
from afunet.phantom.skeleton.knee import KNEE_BONES, KNEE_BOXES_MM
from afunet.phantom.skeleton.lumbar import STEP_MM, VERTEBRA_BOX_MM, base_of_spine, vertebra
from afunet.phantom.skeleton.mesh_bones import load_bones, load_limb

Warp = Callable[[Points], Points]

MARGIN_MM = 22.0
"""The margin of a bone's distance grid around the bone."""
_WARP_WAVE_MM, _ASIDE_MM = 110.0, 40
"""The warp's wavelength, and the offset at which one field is read for x, y and z."""
_KNEE_AXIS_MM = np.array([0.0, 8.0, 22.0])
"""A point on the knee's axis, between the condyles' centres, from the joint line's middle."""
LUMBAR = 5
# From the sacrum to L5's middle, L5's forward tilt, and the decrease of the tilt per vertebra
# above. By eye.
_DISC_MM, _LOWEST_TILT_DEG, _LORDOSIS_DEG = 20.0, 14.0, 9.0
_CONDYLES_MM = 25
"""Height of the lowest part of a femur, which contains only the condyles."""


def build_bones(anatomy: Anatomy, seen: Box, seed: int) -> list[Bone]:
    """All bones that are at least partly in the box that the scan sees (LPS)."""
    warp = _warp(anatomy, seed)
    if anatomy.source is Source.PARAMETRIC:
        bones = _parametric(anatomy, seen, warp)
    elif anatomy.source is Source.LIMB_FILE:
        bones = _limbs(anatomy, seen, warp)
    else:
        bones = _folder(anatomy, seen)
    if anatomy.source is not Source.FOLDER:
        bones = carved(bones, anatomy.cartilage_mm)
    return [bone for bone in bones if not bone.surface.is_empty]


def fractured(bones: list[Bone], fractures: tuple[Fracture, ...]) -> list[Bone]:
    """The bones with the fractures applied; `ConfigError` if a broken bone is not in view."""
    names = {bone.name for bone in bones}
    unknown = [fracture.bone for fracture in fractures if fracture.bone not in names]
    if unknown:
        raise ConfigError(
            f"no bone {unknown[0]!r} to break is in view: choose from {sorted(names)}"
        )
    broken = {fracture.bone: fracture for fracture in fractures}
    return [break_bone(bone, broken[bone.name]) if bone.name in broken else bone for bone in bones]


def _warp(anatomy: Anatomy, seed: int) -> Warp:
    field = NoiseField.draw(Stream.WARP.of(seed), *SMOOTH)

    def warp(points: Points) -> Points:
        shifts = [field.at(points + _ASIDE_MM * axis, _WARP_WAVE_MM) for axis in range(3)]
        return np.asarray(points + anatomy.warp_mm * np.stack(shifts, axis=-1))

    return warp


def _parametric(anatomy: Anatomy, seen: Box, warp: Warp) -> list[Bone]:
    bones = []
    for side, pose in zip(anatomy.sides, anatomy.poses, strict=True):
        outward = 1.0 if side == "left" else -1.0
        size = anatomy.scale * np.array(anatomy.stretch)
        joint = shift((outward * anatomy.knees_apart_mm / 2, 0, 0))
        for kind, function in KNEE_BONES.items():
            matrix = joint @ turn("z", outward * pose.outward_deg)
            matrix = matrix @ _bent(kind, pose, _KNEE_AXIS_MM * anatomy.scale)
            low, high = np.array(KNEE_BOXES_MM[kind]) * size
            corners = np.array([low, high]) * (outward, 1, 1)
            whole = Box.around(corners, MARGIN_MM + 2 * anatomy.warp_mm)
            mirror = np.array([outward, 1, 1])

            def implicit(
                points: Points,
                function: Callable[[Points], Points] = function,
                mirror: FloatArray = mirror / size,
            ) -> Points:
                return np.asarray(function(warp(points) * mirror) * anatomy.scale)

            box = _visible(whole, matrix, seen)
            if box is not None:
                grid = grid_of_implicit(implicit, anatomy.surface_step_mm, box)
                ends = (float(low[2]), float(high[2]))
                bones.append(Bone(f"{kind} {side}", grid, matrix, ends))
    return bones


def _limbs(anatomy: Anatomy, seen: Box, warp: Warp) -> list[Bone]:
    bones: list[Bone] = []
    assert anatomy.path is not None
    for side, pose in zip(anatomy.sides, anatomy.poses, strict=True):
        outward = 1.0 if side == "left" else -1.0
        meshes = _centred(load_limb(anatomy.path, side), side, anatomy, warp)
        meshes = seated(meshes, side, anatomy.cartilage_mm)
        hip = femoral_head(meshes[f"femur {side}"], outward).centre_mm
        knee = _knee_centre(meshes, side)
        limb = shift(hip) @ turn("z", outward * pose.outward_deg)
        limb = limb @ turn("y", -outward * pose.abduction_deg) @ shift(-hip)
        for name, mesh in meshes.items():
            kind = BoneKind.of(name)
            if kind is BoneKind.PELVIS and any(bone.name == name for bone in bones):
                continue
            bent = _bent(kind, pose, knee + _KNEE_AXIS_MM)
            matrix = np.eye(4) if kind is BoneKind.PELVIS else limb @ bent
            bones += _of_mesh(name, mesh, matrix, seen, anatomy.surface_step_mm)
            if kind is BoneKind.PELVIS and anatomy.spine:
                bones += _spine(mesh, anatomy, seen, warp)
    return bones


def _spine(pelvis: Mesh, anatomy: Anatomy, seen: Box, warp: Warp) -> list[Bone]:
    """Lumbar vertebrae above the sacrum; the lowest is tilted forward like the sacrum."""
    bones, size = [], anatomy.scale
    low, high = size * np.array(VERTEBRA_BOX_MM)
    whole = Box.around(np.array([low, high]), MARGIN_MM)
    base = base_of_spine(pelvis)

    def implicit(points: Points) -> Points:
        return np.asarray(vertebra(warp(points) / size) * size)

    for k in range(LUMBAR):
        middle = base + size * np.array([0.0, -2.0 - 3.0 * k, _DISC_MM + STEP_MM * k])
        pose = shift(middle) @ turn("x", _LOWEST_TILT_DEG - _LORDOSIS_DEG * k)
        box = _visible(whole, pose, seen)
        if box is not None:
            grid = grid_of_implicit(implicit, anatomy.surface_step_mm, box)
            ends = (float(low[2]), float(high[2]))
            bones.append(Bone(f"vertebra L{LUMBAR - k}", grid, pose, ends))
    return bones


def _folder(anatomy: Anatomy, seen: Box) -> list[Bone]:
    assert anatomy.path is not None
    bones: list[Bone] = []
    for name, mesh in load_bones(anatomy.path).items():
        bones += _of_mesh(name, mesh, np.eye(4), seen, anatomy.surface_step_mm)
    return bones


def _of_mesh(name: str, mesh: Mesh, pose: FloatArray, seen: Box, step_mm: float) -> list[Bone]:
    low, high = mesh.bounds_mm()
    box = _visible(Box.around(np.array([low, high]), MARGIN_MM), pose, seen)
    if box is None:
        return []
    grid = grid_of_mesh(mesh, step_mm, box)
    return [Bone(name, grid, pose, (float(low[2]), float(high[2])))]


def _visible(whole: Box, pose: FloatArray, seen: Box) -> Box | None:
    """The part of a bone's box that the scan sees, in the bone's frame; None if nothing."""
    back = np.linalg.inv(pose)
    corners = seen.corners_mm() @ back[:3, :3].T + back[:3, 3]
    return whole.intersection(Box.around(corners, MARGIN_MM))


def _centred(meshes: dict[str, Mesh], side: str, anatomy: Anatomy, warp: Warp) -> dict[str, Mesh]:
    """Meshes scaled and warped, with the pelvis's middle at x = 0 and the knee at y = z = 0."""
    size = np.diag([*(anatomy.scale * np.array(anatomy.stretch)), 1.0])
    low, high = meshes["pelvis"].bounds_mm()
    origin = _knee_centre(meshes, side)
    origin[0] = (low[0] + high[0]) / 2
    moved = {name: mesh.transformed(size @ shift(-origin)) for name, mesh in meshes.items()}
    return {
        name: Mesh(np.asarray(warp(mesh.vertices_mm), dtype=np.float64), mesh.faces)
        for name, mesh in moved.items()
    }


def _knee_centre(meshes: dict[str, Mesh], side: str) -> FloatArray:
    femur = meshes[f"femur {side}"].vertices_mm
    height = femur[:, 2].min() - 2
    near = femur[femur[:, 2] < femur[:, 2].min() + _CONDYLES_MM]
    return np.array([*((near.min(axis=0) + near.max(axis=0)) / 2)[:2], height])


def _bent(kind: str, pose: Pose, axis_mm: FloatArray) -> FloatArray:
    """The knee flexion for the bones below the knee; the patella follows a little."""
    angle = {"tibia": pose.flexion_deg, "fibula": pose.flexion_deg}.get(str(kind), 0.0)
    angle = 0.4 * pose.flexion_deg if str(kind) == "patella" else angle
    return shift(axis_mm) @ turn("x", angle) @ shift(-axis_mm)
