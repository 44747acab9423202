"""Dense tissue in the joints: blood, contrast medium, synovium, tophi.

It is as bright and as grainy as the cancellous bone beside it; only the missing cortex and its
shape tell that it is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from afunet.phantom.config import JointTissue, JointTissueKind
from afunet.phantom.shapes.arrays import Float32Array, IntArray, Points, Rng
from afunet.phantom.shapes.blend import mix, step
from afunet.phantom.shapes.noise import Textures
from afunet.phantom.skeleton.bones import Bone
from afunet.phantom.skeleton.joint_frames import JOINTS, JointFrame, joint_frames
from afunet.phantom.tissue.joint_spaces import POCKETS, Pocket

_FAT_HU = -85.0
_FLUIDS = (JointTissueKind.BLOOD, JointTissueKind.CONTRAST)
_LOBE_MM, _FLUID_LOBE_MM, _PARTS_MM, _FLOW_MM, _CLUMP_MM = 11.0, 30.0, 22.0, 16.0, 9.0
"""Wavelengths of lobes of tissue and of fluid, of filled parts, of dilution and of clumps."""
_PART_MM, _PART_SPREAD = 5.0, 1.3
"""How steeply a filled part ends, and the standard deviations of noise that `fill` covers."""
_SETTLED_MM, _FLOATING_MM = 5.0, 1.2
"""Width of the change from serum to cells, and of the level of fat."""
_FASCIA_MM = 2.0
_WALL, _NET_MEAN = 0.45, 0.31
"""Sharpness of the fronds' walls, and their mean brightness."""


@dataclass(frozen=True, eq=False)
class Filling:
    """Dense tissue in the pockets of one joint; `moved_mm` (3,) moves its noise."""

    tissue: JointTissue
    frame: JointFrame
    pockets: tuple[Pocket, ...]
    moved_mm: Float32Array

    def found(
        self, points: Points, bone_mm: Float32Array, muscle_mm: Float32Array, textures: Textures
    ) -> tuple[IntArray, Float32Array]:
        """Indices (K,) of the points (N, 3) that it reaches, and its share there (K,), 0 to 1.

        `bone_mm` (N,) is the distance to the nearest bone, `muscle_mm` (N,) to the fascia,
        negative inside.
        """
        tissue = self.tissue
        reach = 2.5 * tissue.lobe_mm + tissue.edge_mm
        own = self.frame.own(points)
        depth = np.full(len(points), -np.inf, dtype=np.float32)
        for pocket in self.pockets:
            near = pocket.near(own, reach)
            inner = self.frame.size * pocket.depth_mm(own[near])
            if pocket.lines:
                inner = np.minimum(inner, pocket.lines * tissue.thick_mm - bone_mm[near])
            depth[near] = np.maximum(depth[near], inner)
        near = np.flatnonzero((depth > -reach) & (muscle_mm < 0))
        share = step(self._shaped(depth[near], points[near], textures), tissue.edge_mm)
        share = share * step(-muscle_mm[near] - _FASCIA_MM, 2.0)
        if tissue.gap_mm:
            share = share * step(bone_mm[near] - tissue.gap_mm, 0.8)
        kept = share > 0
        return near[kept], share[kept]

    def _shaped(self, depth: Float32Array, points: Points, textures: Textures) -> Float32Array:
        """The depth with lobes, and negative in the parts that are not filled."""
        tissue, moved = self.tissue, points + self.moved_mm
        wave = _FLUID_LOBE_MM if tissue.kind in _FLUIDS else _LOBE_MM
        depth = depth + tissue.lobe_mm * textures.cloudy.at(moved, wave)
        if tissue.fill < 1:
            limit = _PART_SPREAD * (2 * tissue.fill - 1)
            parts = textures.cloudy.at(moved + 41, _PARTS_MM) + np.float32(limit)
            depth = np.minimum(depth, _PART_MM * parts)
        return np.asarray(depth, dtype=np.float32)

    def hu(self, points: Points, textures: Textures) -> Float32Array:
        """Its own HU (N,) at points (N, 3)."""
        tissue, moved = self.tissue, points + self.moved_mm
        behind = np.asarray(points[:, 1] - np.float32(self.frame.middle_mm[1]), dtype=np.float32)
        dense = tissue.hu * (1 + tissue.contrast * _grains(tissue, moved, textures))
        share = np.clip(self._dense_share(behind, moved, textures), 0, 1)
        hu = mix(np.float32(tissue.host_hu), np.asarray(dense, dtype=np.float32), share)
        if tissue.fat_level_mm is not None:
            hu = mix(hu, np.float32(_FAT_HU), step(tissue.fat_level_mm - behind, _FLOATING_MM))
        return hu

    def _dense_share(self, behind: Float32Array, moved: Points, textures: Textures) -> Float32Array:
        """How much of a mixture is the dense part: settled, diluted, or in clumps."""
        tissue = self.tissue
        flow = textures.cloudy.at(moved + 13, _FLOW_MM)
        if tissue.kind is JointTissueKind.TOPHI:
            clump = textures.cloudy.at(moved, _CLUMP_MM) + 0.35 * textures.fine.at(moved, 5.0)
            return step(clump + np.float32(_PART_SPREAD * (1 - 2 * tissue.mixing)), 0.9)
        share = 1 - tissue.mixing * (0.5 + 0.5 * flow)
        if tissue.level_mm is not None:
            settled = step(behind + 2 * flow - tissue.level_mm, _SETTLED_MM)
            share = share * (1 - tissue.mixing + tissue.mixing * settled)
        return np.asarray(share, dtype=np.float32)


def draw_fillings(
    tissues: Sequence[JointTissue], bones: Sequence[Bone], size: float, rng: Rng
) -> Iterator[Filling]:
    """The tissues in each joint in view that has one of their spaces."""
    frames = list(joint_frames(bones, size))
    for tissue in tissues:
        for frame in frames:
            pockets = tuple(
                pocket.drawn(rng)
                for space in tissue.spaces
                if JOINTS.get(space, "knee") == frame.joint
                for pocket in POCKETS[space]
            )
            moved = rng.uniform(0, 100, 3).astype(np.float32)
            if pockets and tissue.side in (None, frame.side):
                yield Filling(tissue, frame, pockets, moved)


def paint_fillings(
    hu: Float32Array,
    fillings: Sequence[Filling],
    points: Points,
    bone_mm: Float32Array,
    muscle_mm: Float32Array,
    textures: Textures,
) -> Float32Array:
    """HU (N,) with all fillings painted in at points (N, 3)."""
    painted = hu.copy()
    for filling in fillings:
        where, share = filling.found(points, bone_mm, muscle_mm, textures)
        painted[where] = mix(painted[where], filling.hu(points[where], textures), share)
    return painted


def _grains(tissue: JointTissue, moved: Points, textures: Textures) -> Float32Array:
    """Its texture, mean about 0 and standard deviation about 1: fronds, or grains of two sizes."""
    size = tissue.grain_mm
    coarse = textures.cloudy.at(moved + 29, 4 * size)
    fine = textures.fine.at(moved, 2 * size)
    if tissue.kind is JointTissueKind.SYNOVIUM:
        fine = np.float32(3.5) * (np.exp(np.abs(fine) / -np.float32(_WALL)) - np.float32(_NET_MEAN))
    return np.asarray(0.75 * fine + 0.65 * coarse, dtype=np.float32)
