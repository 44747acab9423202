"""From a config to a CT volume with exact labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afunet.errors import GeometryError
from afunet.geometry import LabelMap, Volume
from afunet.phantom.config import LegConfig
from afunet.phantom.picture.painting import joint_tissue_in, pieces_in, true_hu
from afunet.phantom.picture.scanner import scanned
from afunet.phantom.picture.scene import Scene, build_scene
from afunet.phantom.shapes.arrays import Float32Array, Points
from afunet.phantom.shapes.streams import Stream
from afunet.phantom.skeleton.bones import Bone
from afunet.watch import UNWATCHED, Watch

_SUB_SLICE_MM, _MOST_SUB_SLICES, _THICKEST_MM = 1.3, 4, 5.0
"""A slice is the mean of this many thinner ones; the largest thickness if none is given."""


@dataclass(frozen=True, eq=False)
class SimulatedLeg:
    """A CT volume (HU, int16), the exact labels on its grid, and the surfaces they come from.

    `bones` has a label for each bone, `fragments` one for each piece; an intact bone is one piece.
    A voxel has a label if its centre lies inside: `signed_distance_mm(centre) < 0`.
    """

    config: LegConfig
    volume: Volume
    bones: LabelMap
    fragments: LabelMap
    surfaces: tuple[Bone, ...]

    def signed_distance_mm(self, points_mm: Points, bone: str | None = None) -> Float32Array:
        """Distance (...) of LPS points (..., 3) to one bone or the nearest one, negative inside.

        Only bones in view are used. Raises `GeometryError` if none of them has that name.
        """
        chosen = [surface for surface in self.surfaces if bone in (None, surface.name)]
        if not chosen:
            names = sorted(surface.name for surface in self.surfaces)
            raise GeometryError(
                f"the phantom has no bone {bone!r}: choose from {names}", code="UNKNOWN_NAME"
            )
        distances = [surface.distance_mm(points_mm) for surface in chosen]
        return np.asarray(np.minimum.reduce(distances), dtype=np.float32)


def simulate(config: LegConfig, watch: Watch = UNWATCHED) -> SimulatedLeg:
    """Simulate a leg; the same config gives the same bytes."""
    scene = build_scene(config)
    grid = config.grid.empty()
    hu = np.zeros(grid.shape, dtype=np.int16)
    pieces = np.zeros(grid.shape, dtype=np.uint8)
    for index in _slices(grid, watch):
        hu[index] = _slice_hu(scene, grid, index)
        pieces[index] = _slice_labels(scene, grid, index)
    bones, fragments = _label_maps(scene, grid, pieces)
    return SimulatedLeg(config, grid.with_voxels(hu), bones, fragments, scene.bones)


def exact_labels(config: LegConfig, watch: Watch = UNWATCHED) -> tuple[LabelMap, LabelMap]:
    """The labels `bones` and `fragments` that `simulate` would give, without the CT."""
    scene = build_scene(config)
    grid = config.grid.empty()
    pieces = np.zeros(grid.shape, dtype=np.uint8)
    for index in _slices(grid, watch):
        pieces[index] = _slice_labels(scene, grid, index)
    return _label_maps(scene, grid, pieces)


def exact_joint_tissue(config: LegConfig, watch: Watch = UNWATCHED) -> Volume:
    """Number of the dense joint tissue in each voxel, from 1 in the config's order, 0 for none."""
    scene = build_scene(config)
    grid = config.grid.empty()
    numbers = np.zeros(grid.shape, dtype=np.uint8)
    for index in _slices(grid, watch):
        numbers[index] = joint_tissue_in(scene, grid, index, _slice_points(grid, index))
    return grid.with_voxels(numbers)


def _slices(grid: Volume, watch: Watch) -> Iterator[int]:
    """The numbers of the slices; each is reported to `watch` when it is requested."""
    for index in range(grid.shape[0]):
        watch.check()
        watch.tell("simulating", index, grid.shape[0])
        yield index
    watch.tell("simulating", grid.shape[0], grid.shape[0])


def _slice_points(grid: Volume, index: float) -> Points:
    _, rows, columns = grid.shape
    x, y = np.meshgrid(np.arange(columns), np.arange(rows))
    return grid.to_mm(np.stack([x, y, np.full(x.shape, index)], axis=-1)).astype(np.float32)


def _slice_hu(scene: Scene, grid: Volume, index: int) -> NDArray[np.int16]:
    scanner = scene.config.scanner
    column_mm, row_mm, step_mm = grid.spacing_mm
    thickness = min(step_mm, _THICKEST_MM) if scanner.thickness_mm is None else scanner.thickness_mm
    count = int(np.clip(np.ceil(thickness / _SUB_SLICE_MM), 1, _MOST_SUB_SLICES))
    offsets = ((np.arange(count) + 0.5) / count - 0.5) * thickness / step_mm
    pixel = float(np.sqrt(column_mm * row_mm))
    layers = [
        true_hu(scene, grid, index, _slice_points(grid, index + offset), pixel)
        for offset in offsets
    ]
    mean = np.asarray(np.mean(layers, axis=0), dtype=np.float32)
    rng = Stream.SLICE.of(scene.config.seed, index)
    return scanned(mean, pixel, scanner, rng)


def _slice_labels(scene: Scene, grid: Volume, index: int) -> NDArray[np.uint8]:
    """Label of the piece in which each voxel's centre lies deepest, 0 outside all pieces."""
    labels = np.zeros(grid.shape[1:], dtype=np.uint8)
    deepest = np.zeros(grid.shape[1:], dtype=np.float32)
    for piece in pieces_in(scene, grid, index, _slice_points(grid, index)):
        solid = piece.distances.solid
        won = solid < deepest[piece.window]
        labels[piece.window] = np.where(won, piece.label, labels[piece.window])
        deepest[piece.window] = np.where(won, solid, deepest[piece.window])
    return labels


def _label_maps(scene: Scene, grid: Volume, pieces: NDArray[np.uint8]) -> tuple[LabelMap, LabelMap]:
    bone_of = [0]
    names: list[str] = []
    for number, bone in enumerate(scene.bones, start=1):
        bone_of += [number] * len(bone.piece_names)
        names += bone.piece_names
    bones = np.array(bone_of, dtype=np.uint8)[pieces]
    bone_names = {k: bone.name for k, bone in enumerate(scene.bones, start=1)}
    return (
        LabelMap(grid.with_voxels(bones), bone_names),
        LabelMap(grid.with_voxels(pieces), dict(enumerate(names, start=1))),
    )
