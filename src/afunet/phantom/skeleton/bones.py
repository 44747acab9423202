"""Bones in the patient: their positions, distances and pieces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from afunet.anatomy.bones import Bone as BoneKind
from afunet.phantom.config import Wound
from afunet.phantom.shapes.arrays import Float32Array, FloatArray, Points
from afunet.phantom.shapes.distance import DistanceGrid
from afunet.phantom.skeleton.fragment import NO_FACE_MM, Fragment


@dataclass(frozen=True, eq=False)
class Bone:
    """A bone: surface in its own frame, rigid `pose` (4, 4) from this frame to LPS, fragments.

    `ends_mm` are the lowest and highest z of the whole bone in its own frame, even if the grid of
    `surface` contains only a part of it. A bone without fragments is intact. `wound` is what the
    fracture does to the HU, None if the fragments only lie apart.
    """

    name: str
    surface: DistanceGrid
    pose: FloatArray
    ends_mm: tuple[float, float]
    fragments: tuple[Fragment, ...] = ()
    wound: Wound | None = None

    @property
    def kind(self) -> BoneKind:
        """The anatomical bone, which determines the layout of cortex and marrow."""
        return BoneKind.of(self.name)

    @property
    def piece_names(self) -> tuple[str, ...]:
        """Names of the fragments, or the bone's name if it is in one piece."""
        if len(self.fragments) < 2:
            return (self.name,)
        return tuple(f"{self.name} fragment {k + 1}" for k in range(len(self.fragments)))

    def to_own_frame(self, points_mm: Points) -> Points:
        """LPS points (..., 3) transformed to the bone's own frame."""
        return _moved(points_mm, np.asarray(np.linalg.inv(self.pose), dtype=np.float64))

    def pieces(self) -> list[Piece]:
        """The fragments, or the whole bone if it is intact."""
        if not self.fragments:
            return [Piece(self, None)]
        return [Piece(self, fragment) for fragment in self.fragments]

    def distance_mm(self, points_mm: Points) -> Float32Array:
        """Signed distance (...) of LPS points (..., 3) to the bone with all its fragments."""
        distances = [piece.distances_mm(points_mm).solid for piece in self.pieces()]
        return np.asarray(np.minimum.reduce(distances), dtype=np.float32)

    def surface_points_mm(self) -> FloatArray:
        """LPS points within a grid step of the intact surface, (N, 3)."""
        return np.asarray(_moved(self.surface.surface_points_mm(), self.pose), dtype=np.float64)

    def broken(self, fragments: Sequence[Fragment], wound: Wound | None = None) -> Bone:
        """The same bone with these fragments."""
        return replace(self, fragments=tuple(fragments), wound=wound)


@dataclass(frozen=True, eq=False)
class Distances:
    """Signed distances (...) of points to a piece, the intact bone and the fracture surfaces.

    `home_mm` (..., 3) are the points in the intact bone's frame, before the piece moved. `slits`
    are the distances from lines that end in the piece, and the lines' widths.
    """

    piece: Float32Array
    intact: Float32Array
    home_mm: Points
    face: Float32Array
    slits: tuple[tuple[Float32Array, Float32Array], ...] = ()

    @property
    def solid(self) -> Float32Array:
        """Signed distance (...) to the piece without the lines in it."""
        distance = self.piece
        for beside, width in self.slits:
            distance = np.maximum(distance, width / 2 - beside)
        return distance


@dataclass(frozen=True, eq=False)
class Piece:
    """An intact bone (no fragment) or one fragment of a bone."""

    bone: Bone
    fragment: Fragment | None

    def corners_mm(self) -> FloatArray:
        """LPS corners (8, 3) of a box with the piece and, if it is an intact bone, its margin."""
        own = self.bone.surface.box.corners_mm()
        corners = own if self.fragment is None else self.fragment.corners_mm()
        return np.asarray(_moved(corners, self.bone.pose), dtype=np.float64)

    def distances_mm(self, points_mm: Points) -> Distances:
        """Distances at LPS points (..., 3)."""
        own = self.bone.to_own_frame(points_mm)
        if self.fragment is None:
            intact = self.bone.surface.distance_mm(own)
            return Distances(intact, intact, own, np.full_like(intact, NO_FACE_MM))
        home = self.fragment.to_home(own)
        intact = self.bone.surface.distance_mm(home)
        face = self.fragment.face_mm(home, intact)
        slits = tuple(slit.at(home) for slit in self.fragment.slits)
        return Distances(np.maximum(intact, face), intact, home, face, slits)


def _moved(points: Points, matrix: FloatArray) -> Points:
    turn = matrix[:3, :3].astype(points.dtype)
    return np.asarray(points @ turn.T + matrix[:3, 3].astype(points.dtype))
