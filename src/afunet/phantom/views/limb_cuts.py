"""Random fields of view of whole limbs as label maps: any length, height, voxels, one leg or two.

The bones are solids: an LLP26 limb with the foot of another person, posed, scaled and possibly
broken, or solids from the caller. They are only sampled. No CT is simulated, because names of
bones are found from masks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from afunet.geometry import Mesh, Volume
from afunet.phantom.shapes.arrays import FloatArray, Rng
from afunet.phantom.shapes.distance import Box
from afunet.phantom.shapes.lattice import Window
from afunet.phantom.shapes.placing import mirror_in_x, turn_about
from afunet.phantom.shapes.solids import MeshSolid, Solid
from afunet.phantom.skeleton.feet import foot_at
from afunet.phantom.skeleton.mesh_bones import load_limb, parts_of

SHORTEST_MM, MOST_VOXELS = 5.0, 4_000_000
PIXELS_MM, SLICES_MM = (0.5, 1.5), (0.6, 5.0)
BESIDE_MM = 15.0


@dataclass(frozen=True, eq=False)
class LimbBone:
    """A solid with its kind as in `points.CLASSES`, and its side "left", "right" or ""."""

    kind: str
    side: str
    solid: Solid

    def __str__(self) -> str:
        return f"{self.kind} {self.side}".strip()


@dataclass(frozen=True)
class Cut:
    """A field of view and its voxels, (column, row, slice) in mm."""

    field: Box
    spacing_mm: tuple[float, float, float]


@dataclass(frozen=True)
class Plan:
    """How to build a person from the files: `legs` to show, the foot, the share of broken bones."""

    legs: tuple[str, ...] = ("left", "right")
    foot: str = "Left"
    with_foot: bool = True
    broken: float = 0.0


def draw_person(limb: Path, feet: Path, plan: Plan, rng: Rng) -> list[LimbBone]:
    """Pelvis and legs of an LLP26 file with feet from `vhf-legs.npz`, posed, scaled, in LPS mm."""
    meshes = load_limb(limb, "left")
    pelvis = _pelvis(meshes.pop("pelvis"))
    leg = {name.split()[0]: [mesh] for name, mesh in meshes.items()}
    joints = _Joints.of(leg)
    if plan.with_foot:
        leg["foot"], _ = foot_at(feet, plan.foot, leg["tibia"][0], leg["fibula"][0])
    bounds = np.array([mesh.bounds_mm() for _, mesh in pelvis])  # (N, 2, 3)
    mirror = mirror_in_x(float(bounds[:, 0, 0].min() + bounds[:, 1, 0].max()) / 2)
    bones = [LimbBone("pelvis", side, MeshSolid(mesh)) for side, mesh in pelvis]
    for side in plan.legs:
        posed = joints.posed(leg, rng)
        for kind, parts in posed.items():
            parts = [part.transformed(mirror) if side == "right" else part for part in parts]
            bones += [LimbBone(kind, side, MeshSolid(part)) for part in parts]
    turn = np.eye(4)
    stretch = rng.uniform(0.85, 1.15) * rng.uniform(0.94, 1.06, 3)
    turn[:3, :3] = Rotation.from_rotvec(np.deg2rad(rng.normal(0, (5, 4, 7)))).as_matrix() * stretch
    bones = [replace(bone, solid=bone.solid.transformed(turn)) for bone in bones]
    return [_perhaps_broken(bone, plan.broken, rng) for bone in bones]


def draw_cut(bones: Sequence[LimbBone], rng: Rng, most_voxels: int = MOST_VOXELS) -> Cut:
    """A random field of view around some bones, from 5 mm to all of them, some cropped in plane.

    Voxels are coarser in longer fields, so that there are at most `most_voxels`.
    """
    boxes = np.array([bone.solid.bounds_mm() for bone in bones])  # (N, 2, 3)
    low, high = boxes[:, 0].min(axis=0), boxes[:, 1].max(axis=0)
    tall = high[2] - low[2]
    length = tall if rng.random() < 0.1 else np.exp(rng.uniform(*np.log([SHORTEST_MM, tall])))
    start = rng.uniform(low[2], high[2] - length) if length < tall else low[2]
    shown = (boxes[:, 0, 2] < start + length) & (boxes[:, 1, 2] > start)
    if not shown.any():
        shown[:] = True
    low[:2], high[:2] = boxes[shown, 0, :2].min(axis=0), boxes[shown, 1, :2].max(axis=0)
    low[2], high[2] = start, start + length
    kind = rng.random()
    if kind < 0.4:  # about one bone
        low[:2], high[:2] = boxes[rng.choice(np.flatnonzero(shown)), :, :2]
        low[:2] -= rng.uniform(0, 60, 2)
        high[:2] += rng.uniform(0, 60, 2)
    elif kind < 0.6:  # cropped
        middle = rng.uniform(low[:2], high[:2])
        half = (high[:2] - low[:2]) * rng.uniform(0.25, 0.5)
        low[:2], high[:2] = np.maximum(low[:2], middle - half), np.minimum(high[:2], middle + half)
    low[:2] -= BESIDE_MM * (kind >= 0.6)
    high[:2] += BESIDE_MM * (kind >= 0.6)
    return Cut(Box.around(np.array([low, high])), _voxels_mm(high - low, most_voxels, rng))


def sampled(bones: Sequence[LimbBone], cut: Cut) -> Volume:
    """The number of the bone (from 1) in which each voxel lies, 0 in none; the first bone wins."""
    spacing, low = np.array(cut.spacing_mm), np.array(cut.field.low_mm)
    count = np.maximum(((np.array(cut.field.high_mm) - low) / spacing).astype(int), 1)
    origin = low + spacing / 2
    voxels = np.zeros(count[::-1], dtype=np.uint16)
    for number, bone in enumerate(bones, start=1):
        window = Window.over((np.array(bone.solid.bounds_mm()) - origin) / spacing, count)
        if window is None:
            continue
        first, part = window.first, voxels[window.slices]
        inside = bone.solid.inside(origin + first * spacing, spacing, window.last - first)
        part[inside & (part == 0)] = number
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = origin
    return Volume(voxels, affine)


def _voxels_mm(size_mm: FloatArray, most: int, rng: Rng) -> tuple[float, float, float]:
    pixel = slice_mm = 0.0
    for _ in range(100):
        pixel, slice_mm = rng.uniform(*PIXELS_MM), float(np.exp(rng.uniform(*np.log(SLICES_MM))))
        if np.prod(size_mm) / (pixel**2 * slice_mm) <= most:
            return pixel, pixel, min(slice_mm, float(size_mm[2]))
    return PIXELS_MM[1], PIXELS_MM[1], min(SLICES_MM[1], float(size_mm[2]))


def _pelvis(mesh: Mesh) -> list[tuple[str, Mesh]]:
    """Both hip bones and the sacrum (the middle part) with their sides."""
    parts = sorted(
        parts_of(mesh), key=lambda one: float(np.mean([bound[0] for bound in one.bounds_mm()]))
    )
    sides = ("right", "", "left") if len(parts) == 3 else ("",) * len(parts)
    return list(zip(sides, parts, strict=True))


@dataclass(frozen=True, eq=False)
class _Joints:
    hip_mm: FloatArray
    knee_mm: FloatArray
    ankle_mm: FloatArray

    @classmethod
    def of(cls, leg: Mapping[str, Sequence[Mesh]]) -> _Joints:
        femur, tibia = leg["femur"][0].vertices_mm, leg["tibia"][0].vertices_mm
        head = femur[femur[:, 2] > femur[:, 2].max() - 20].mean(axis=0)
        condyles = femur[femur[:, 2] < femur[:, 2].min() + 25].mean(axis=0)
        plafond = tibia[tibia[:, 2] < tibia[:, 2].min() + 12].mean(axis=0)
        return cls(head - np.array([0, 0, 10]), condyles + np.array([0, 0, 5]), plafond)

    def posed(self, leg: Mapping[str, Sequence[Mesh]], rng: Rng) -> dict[str, list[Mesh]]:
        """A left leg with its ankle, knee and hip rotated at random."""
        bend = abs(rng.normal(6, 8)) if rng.random() < 0.85 else rng.uniform(10, 60)
        thigh = _turned(self.hip_mm, rng.normal((-3, -3, 4), (7, 2.5, 10)))
        knee = _turned(self.knee_mm, (bend, 0, 0))
        ankle = _turned(self.ankle_mm, (rng.uniform(-15, 30), rng.normal(0, 5), 0))
        moves = {"femur": thigh, "patella": thigh @ _turned(self.knee_mm, (0.3 * bend, 0, 0))}
        moves |= {"tibia": thigh @ knee, "fibula": thigh @ knee, "foot": thigh @ knee @ ankle}
        return {kind: [part.transformed(moves[kind]) for part in leg[kind]] for kind in leg}


def _turned(centre_mm: FloatArray, degrees: Sequence[float] | FloatArray) -> FloatArray:
    """A rotation (4, 4) about a point, around x, then y, then z."""
    return turn_about(centre_mm, Rotation.from_euler("xyz", degrees, degrees=True))


def _perhaps_broken(bone: LimbBone, share: float, rng: Rng) -> LimbBone:
    if rng.random() >= share or not isinstance(bone.solid, MeshSolid):
        return bone
    return replace(bone, solid=bone.solid.broken(rng))
