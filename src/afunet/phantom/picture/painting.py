"""HU at any point of a scene: surroundings and soft tissue, then bones and metal on top."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from afunet.geometry import Volume
from afunet.phantom.picture.scene import Limb, Scene
from afunet.phantom.picture.surroundings import Outside, surroundings_hu
from afunet.phantom.shapes.arrays import BoolArray, Float32Array, FloatArray, Points
from afunet.phantom.shapes.blend import mix, step
from afunet.phantom.shapes.implicit import smooth_union
from afunet.phantom.skeleton.bones import Bone, Distances
from afunet.phantom.tissue.bone_tissue import bone_hu
from afunet.phantom.tissue.broken_bone import Apart, beside_face, with_line
from afunet.phantom.tissue.clutter import paint_clutter
from afunet.phantom.tissue.envelope import LimbFrame
from afunet.phantom.tissue.joint_tissue import paint_fillings
from afunet.phantom.tissue.soft_tissue import soft_hu
from afunet.phantom.tissue.trunk import Trunk
from afunet.phantom.tissue.vessels import paint_vessels

FAR_MM = 60.0
"""Beyond this distance from bone, nothing depends on the distance."""
_BETWEEN_LIMBS_MM, _FLATTENED_EDGE_MM = 14.0, 8.0
"""Rounding of the skin where limbs meet, and where they lie flat on the table."""
_FAT_LEFT = 0.45
"""The share of the fat that remains where the table presses on it."""
_LINING_MM = 5
"""The thickness of the muscle that lines the pelvis."""


@dataclass(frozen=True, eq=False)
class Seen:
    """A piece in a window (rows, columns) of a slice, with its label."""

    label: int
    bone: Bone
    window: tuple[slice, slice]
    distances: Distances


def pieces_in(scene: Scene, volume: Volume, index: int, points: Points) -> list[Seen]:
    """The pieces that a slice with LPS points (rows, columns, 3) may cut, with their windows."""
    found: list[Seen] = []
    pieces = [piece for bone in scene.bones for piece in bone.pieces()]
    for label, piece in enumerate(pieces, start=1):
        window = _window(piece.corners_mm(), volume, index)
        if window is not None:
            distances = piece.distances_mm(points[window])
            found.append(Seen(label, piece.bone, window, distances))
    return found


def true_hu(
    scene: Scene, volume: Volume, index: int, points: Points, pixel_mm: float
) -> Float32Array:
    """HU (rows, columns) at LPS points (rows, columns, 3) that lie in or near a slice."""
    pieces = pieces_in(scene, volume, index, points)
    near = _nearest(scene, pieces, points.shape[:2])
    frame, limb_of = _body(scene, points)
    things, middle_mm = scene.config.surroundings, scene.middle_x_mm
    table_mm = scene.back_mm + things.table_gap_mm
    outside = Outside(points, frame.skin_mm, table_mm, middle_mm, pixel_mm, scene.textures)
    hu = surroundings_hu(outside, things, scene.config.seed)
    for k, limb in enumerate(scene.limbs):
        inside = (limb_of == k) & (frame.skin_mm < pixel_mm)
        if inside.any():
            own = _picked(frame, inside)
            bones_mm = near.first_mm[inside], near.second_mm[inside]
            tissue = _tissue_hu(scene, limb, points[inside], own, *bones_mm)
            hu[inside] = mix(hu[inside], tissue, step(-own.skin_mm, pixel_mm))
    _paint_bones(hu, scene, pieces, near, pixel_mm)
    _paint_metal(hu, scene, pieces, points, pixel_mm)
    return hu


def joint_tissue_in(scene: Scene, volume: Volume, index: int, points: Points) -> NDArray[np.uint8]:
    """Number of the dense joint tissue (from 1, in the config's order) at points of a slice.

    Points (rows, columns, 3) are LPS; 0 means none, or bone, or fat that floats.
    """
    near = _nearest(scene, pieces_in(scene, volume, index, points), points.shape[:2])
    muscle_mm = _body(scene, points)[0].muscle_mm.ravel()
    flat, bone_mm = points.reshape(-1, 3), near.first_mm.ravel()
    numbers = np.zeros(len(flat), dtype=np.uint8)
    for filling in scene.fillings:
        where, share = filling.found(flat, bone_mm, muscle_mm, scene.textures)
        dense = (share >= 0.5) & (bone_mm[where] > 0)
        where = where[dense]
        dense = filling.hu(flat[where], scene.textures) > 0
        numbers[where[dense]] = 1 + scene.config.soft.joint_tissue.index(filling.tissue)
    return numbers.reshape(near.first_mm.shape)


def _tissue_hu(
    scene: Scene,
    limb: Limb,
    points: Points,
    frame: LimbFrame,
    nearest: Float32Array,
    second: Float32Array,
) -> Float32Array:
    """HU (N,) of a limb's or the trunk's soft tissue at points (N, 3) in it."""
    soft = scene.config.soft
    hu = soft_hu(points, frame, limb.muscles, nearest, second, soft, scene.textures)
    reach: Float32Array | float = frame.radius_mm
    if isinstance(limb.outside, Trunk):
        filled = limb.outside.with_organs(hu, points, frame, scene.textures)
        # Muscle lines the pelvis; without organs, the plain filling reaches the bone.
        hu = mix(hu, filled, step(nearest - _LINING_MM, 3.0)) if limb.outside.contents else filled
        reach = 1.0
    if scene.fillings:
        hu = paint_fillings(hu, scene.fillings, points, nearest, frame.muscle_mm, scene.textures)
    if limb.vessels:
        hu = paint_vessels(hu, limb.vessels, frame, reach)
    return paint_clutter(hu, limb.clutter, frame) if limb.clutter else hu


def _body(scene: Scene, points: Points) -> tuple[LimbFrame, NDArray[np.intp]]:
    """Each point in the frame of its limb, with all skins smoothly joined, and the limb's index."""
    frames = [limb.outside.frame(points) for limb in scene.limbs]
    skins = np.stack([frame.skin_mm for frame in frames])
    limb_of = np.asarray(skins.argmin(axis=0))
    skin = skins[0]
    for other in skins[1:]:
        skin = smooth_union(skin, other, _BETWEEN_LIMBS_MM)
    best = _chosen(frames, limb_of)
    fat = skins.min(axis=0) - best.muscle_mm
    resting = points[..., 1] - scene.back_mm
    skin = -smooth_union(-skin, -resting, _FLATTENED_EDGE_MM)
    muscle = np.maximum(best.muscle_mm, skin - _FAT_LEFT * fat)
    fascia, outer = (np.asarray(mm, dtype=np.float32) for mm in (muscle, skin))
    return replace(best, muscle_mm=fascia, skin_mm=outer), limb_of


def _chosen(frames: list[LimbFrame], limb_of: NDArray[np.intp]) -> LimbFrame:
    if len(frames) == 1:
        return frames[0]

    def pick(name: str) -> Float32Array:
        stacked = np.stack([getattr(frame, name) for frame in frames])
        return np.asarray(np.take_along_axis(stacked, limb_of[None], axis=0)[0])

    return LimbFrame(*(pick(name) for name in LimbFrame.__dataclass_fields__))


def _picked(frame: LimbFrame, where: BoolArray) -> LimbFrame:
    return LimbFrame(*(getattr(frame, name)[where] for name in LimbFrame.__dataclass_fields__))


def _window(corners_mm: FloatArray, volume: Volume, index: int) -> tuple[slice, slice] | None:
    """Rows and columns of a slice that a box may touch; None if it touches none."""
    indices = volume.to_indices(corners_mm)
    low, high = np.floor(indices.min(axis=0)) - 1, np.ceil(indices.max(axis=0)) + 2
    if not low[2] <= index <= high[2]:
        return None
    _, rows, columns = volume.shape
    low, high = np.clip(low, 0, None).astype(int), high.astype(int)
    if low[0] >= min(high[0], columns) or low[1] >= min(high[1], rows):
        return None
    down = slice(int(low[1]), min(int(high[1]), rows))
    return down, slice(int(low[0]), min(int(high[0]), columns))


@dataclass(frozen=True, eq=False)
class _Nearest:
    """Distances to the nearest and second nearest bone, and the nearest's index, -1 for none."""

    first_mm: Float32Array
    second_mm: Float32Array
    owner: NDArray[np.intp]


def _nearest(scene: Scene, pieces: list[Seen], shape: tuple[int, ...]) -> _Nearest:
    nearest = np.full(shape, FAR_MM, dtype=np.float32)
    second, owner = nearest.copy(), np.full(shape, -1, dtype=np.intp)
    for k, bone in enumerate(scene.bones):
        mine = [piece for piece in pieces if piece.bone is bone]
        if not mine:
            continue
        distance = np.full(shape, FAR_MM, dtype=np.float32)
        for piece in mine:
            part = distance[piece.window]
            np.minimum(part, piece.distances.piece, out=part)
        closer = distance < nearest
        second = np.where(closer, nearest, np.minimum(second, distance))
        owner[closer] = k
        nearest = np.minimum(nearest, distance)
    return _Nearest(nearest, second, owner)


def _paint_bones(
    hu: Float32Array, scene: Scene, pieces: list[Seen], near: _Nearest, pixel_mm: float
) -> None:
    for number, bone in enumerate(scene.bones):
        mine = [piece for piece in pieces if piece.bone is bone]
        if mine and bone.wound is not None:
            spaced = [(piece.window, piece.distances.piece) for piece in mine]
            apart = Apart.of(spaced, near.first_mm.shape, FAR_MM)
            apart.bleed(hu, bone.wound)
            ground = hu.copy()
        for piece in mine:
            inside = piece.distances.piece < 0.5 * pixel_mm
            if not inside.any():
                continue
            window, part = piece.window, hu[piece.window]
            found = _bone_hu(scene, piece, near, number, inside)
            distance = piece.distances.piece[inside]
            if bone.wound is None:
                part[inside] = mix(part[inside], found, step(-distance, pixel_mm))
                continue
            found = beside_face(found, piece.distances.face[inside], bone.wound)
            for slit in piece.distances.slits:
                line = (slit[0][inside], slit[1][inside])
                found = with_line(found, *line, bone.wound, pixel_mm)
            share = apart.share(window, piece.distances.piece, inside, pixel_mm)
            part[inside] += (found - ground[window][inside]) * share


def _bone_hu(
    scene: Scene, piece: Seen, near: _Nearest, number: int, inside: BoolArray
) -> Float32Array:
    """HU (N,) of bone number `number` at the points of a window that lie inside its piece."""
    window = piece.window
    is_mine = near.owner[window] == number
    other = np.where(is_mine, near.second_mm[window], near.first_mm[window])[inside]
    home = piece.distances.home_mm[inside]
    depth = -piece.distances.intact[inside]
    kind, ends = piece.bone.kind, piece.bone.ends_mm
    found = bone_hu(kind, ends, home, depth, other, scene.config.bone, scene.textures)
    for defect in scene.defects:
        if defect.bone == piece.bone.name:
            found = defect.paint(found, home)
    return found


def _paint_metal(
    hu: Float32Array, scene: Scene, pieces: list[Seen], points: Points, pixel_mm: float
) -> None:
    for bone, metal, value in scene.metal:
        windows = {str(piece.window): piece.window for piece in pieces if piece.bone is bone}
        for window in windows.values():
            own = bone.to_own_frame(points[window])
            distance = metal.distance_mm(own, bone.surface.distance_mm(own))
            hu[window] = mix(hu[window], value, step(-distance, pixel_mm))
