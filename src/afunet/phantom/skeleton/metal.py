"""Metal in and on bones: rods (screws, nails, wires) and plates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from afunet.phantom.config import Implant, ImplantKind
from afunet.phantom.shapes.arrays import Float32Array, FloatArray, Points, Rng
from afunet.phantom.shapes.streams import Stream
from afunet.phantom.skeleton.bones import Bone

# Screws of 3.5 to 6.5 mm with the pitch of a cortical one of 4.5 mm (ISO 5835), Kirschner wires of
# 1.2 to 2 mm, nails of 7 to 12 mm.
_SCREW_RADII_MM, _WIRE_RADII_MM, _NAIL_RADII_MM = (1.7, 3.3), (0.6, 1.0), (3.5, 6)
_PITCH_MM, _THREAD_MM, _THICKEST_WIRE_MM, _MOST_RODS = 1.75, 0.3, 1.2, 3
_OFF_BONE_MM = 0.6
"""Distance between a plate and the bone."""
_FEWEST = 20
"""The smallest number of grid points in a section that allows placing metal."""
_ALONG_MM = 40
"""Distance above and below the middle at which the bone's sections give a nail's axis."""
_WIDEST_MM, _LOST_MM = 70.0, 40.0
"""How far a rod is followed to the outside of the bone, and its end if it does not get there."""


@dataclass(frozen=True, eq=False)
class Rod:
    """A round rod between two points of a bone's frame."""

    start_mm: FloatArray
    end_mm: FloatArray
    radius_mm: float
    thread_mm: float = 0.0

    def distance_mm(self, points: Points, intact_mm: Float32Array) -> Float32Array:
        """Signed distance (...) at points (..., 3) of the bone's frame."""
        axis = self.end_mm - self.start_mm
        length = float(np.linalg.norm(axis))
        unit = (axis / length).astype(points.dtype)
        offset = points - self.start_mm.astype(points.dtype)
        along = offset @ unit
        across = np.linalg.norm(offset - along[..., None] * unit, axis=-1)
        radius = self.radius_mm + self.thread_mm * np.sin(along * (2 * np.pi / _PITCH_MM))
        ends = np.maximum(-along, along - length)
        return np.asarray(np.maximum(across - radius, ends), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Plate:
    """A plate on the bone, along z around a middle height, on the side given by an angle."""

    height_mm: float
    half_length_mm: float
    centre_mm: FloatArray
    angle: float
    half_width_mm: float
    thickness_mm: float

    def distance_mm(self, points: Points, intact_mm: Float32Array) -> Float32Array:
        """Signed distance (...) at points (..., 3), from the distance to the intact bone."""
        x, y = points[..., 0] - self.centre_mm[0], points[..., 1] - self.centre_mm[1]
        outward = x * np.cos(self.angle) + y * np.sin(self.angle)
        sideways = np.abs(-x * np.sin(self.angle) + y * np.cos(self.angle))
        layer = np.abs(intact_mm - _OFF_BONE_MM - self.thickness_mm / 2) - self.thickness_mm / 2
        ends = np.abs(points[..., 2] - self.height_mm) - self.half_length_mm
        sides = np.maximum(sideways - self.half_width_mm, -outward)
        return np.asarray(np.maximum(np.maximum(layer, ends), sides), dtype=np.float32)


Metal = Rod | Plate


def place(implant: Implant, bone: Bone) -> list[Metal]:
    """The parts of an implant in a bone's frame; empty if the bone is not in view there."""
    rng = Stream.IMPLANT.of(implant.seed)
    centre = _middle(bone, implant.height_mm)
    if centre is None:
        return []
    if implant.kind is ImplantKind.NAIL:
        return _nail(bone, implant.height_mm, rng)
    if implant.kind is ImplantKind.WIRES:
        return [
            _through(bone, centre, rng, rng.uniform(*_WIRE_RADII_MM)) for _ in range(_MOST_RODS)
        ]
    screws = [_through(bone, centre, rng, rng.uniform(*_SCREW_RADII_MM)) for _ in range(_MOST_RODS)]
    if implant.kind is ImplantKind.SCREWS:
        return list(screws[: int(rng.integers(1, _MOST_RODS + 1))])
    angle = rng.uniform(0, 2 * np.pi)
    plate = Plate(
        implant.height_mm,
        half_length_mm=rng.uniform(25, 60),
        centre_mm=centre,
        angle=angle,
        half_width_mm=rng.uniform(5, 8),
        thickness_mm=rng.uniform(2.5, 4.5),
    )
    return [plate, *screws]


def _middle(bone: Bone, height_mm: float) -> FloatArray | None:
    """The middle of the bone's section at a height in its own frame; None if it is too small."""
    grid = bone.surface
    row = round((height_mm - grid.origin_mm[2]) / grid.spacing_mm)
    if not 0 <= row < len(grid.values):
        return None
    y, x = np.nonzero(grid.values[row] < 0)
    if len(x) < _FEWEST:
        return None
    found = np.array([x.mean(), y.mean(), row]) * grid.spacing_mm + grid.origin_mm
    return np.asarray(found, dtype=np.float64)


def _nail(bone: Bone, height_mm: float, rng: Rng) -> list[Metal]:
    below, above = _middle(bone, height_mm - _ALONG_MM), _middle(bone, height_mm + _ALONG_MM)
    if below is None or above is None:
        return []
    axis = (above - below) / np.linalg.norm(above - below)
    length = rng.uniform(60, 250)
    return [
        Rod(below - axis * rng.uniform(0, 40), below + axis * length, rng.uniform(*_NAIL_RADII_MM))
    ]


def _through(bone: Bone, centre: FloatArray, rng: Rng, radius: float) -> Rod:
    """A rod across the bone, through both cortices and a little beyond on one side."""
    angle, tilt = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.15)
    direction = np.array([np.cos(angle), np.sin(angle), tilt])
    direction /= np.linalg.norm(direction)
    point = centre + np.array([*rng.normal(0, 4, 2), rng.normal(0, 12)])
    steps = np.arange(0.0, _WIDEST_MM)
    ends = []
    for sign in (-1.0, 1.0):
        line = point + sign * steps[:, None] * direction
        outside = np.flatnonzero(bone.surface.distance_mm(line) > 0)
        ends.append(float(steps[outside[0]]) if len(outside) else _LOST_MM)
    short = ends[1] - rng.uniform(-2, 12)
    return Rod(
        point - (ends[0] + rng.uniform(0, 4)) * direction,
        point + max(short, 2.0) * direction,
        radius,
        _THREAD_MM if radius > _THICKEST_WIRE_MM else 0.0,
    )
