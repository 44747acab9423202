"""The contents of the trunk, with or without contrast medium: bowel, bladder, kidneys, ureters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from afunet.phantom.shapes.arrays import Float32Array, FloatArray, Points
from afunet.phantom.shapes.blend import mix, step
from afunet.phantom.shapes.noise import Textures
from afunet.phantom.tissue.envelope import LimbFrame
from afunet.phantom.tissue.vessels import Tube

_WALL_MM = 4.0
_GAS_HU, _MUSCLE_HU = -930.0, 52
# Fat of the belly: wavelengths of its textures, width of strands in a wave, HU of strands above it.
_CLOUD_MM, _ROUGH_MM, _BEND_MM, _STRAND_MM = 18.0, 7.0, 60.0, (16.0, 16.0, 25.0)
_STRAND_WIDTH, _STRAND_HU = 0.12, 70
# The cavity in parts of the pelvis's height: brim, middle of the floor. Half-widths of the small
# pelvis and depth of the belly as shares of the trunk's. Walls in front, and behind and beside.
_BRIM, _FLOOR, _FLOOR_TALL, _SMALL_PELVIS, _BELLY_DEPTH = 0.55, 0.45, 0.4, (0.44, 0.60), 0.58
_WALL_BEFORE_MM, _WALL_BEHIND_MM = 24, 34
# The psoas by parts of the pelvis's height: across, behind, size and oval shape. By eye from CT.
_PSOAS_AT, _PSOAS_ACROSS_MM = (0.4, 0.7, 0.95, 1.5), (78, 62, 44, 36)
_PSOAS_BEHIND_MM, _PSOAS_SIZE = (-28, -4, 8, 16), ((0.4, 0.8, 1.0, 1.7), (0.7, 1, 1, 0.6))
_PSOAS_OVAL = 0.85
NO_GAS = -1e3
"""A level in front of the whole trunk."""


@dataclass(frozen=True, eq=False)
class Blob:
    """A bent ellipsoid with contents and a wall, in the trunk's frame (across, behind, height).

    In front of the level `gas_behind_mm` it contains gas; behind the level `heavy_behind_mm`
    it contains sediment of `heavy_hu`.
    """

    centre_mm: FloatArray
    turn: FloatArray
    radii_mm: FloatArray
    hu: float
    wall_hu: float
    wall_mm: float = 2.0
    rough: float = 0.0
    gas_behind_mm: float = NO_GAS
    heavy_behind_mm: float = 1e3
    heavy_hu: float = 0.0

    def paint(self, hu: Float32Array, points: Points, rough: Float32Array) -> None:
        """Paint the blob into HU (N,) at points (N, 3) of its frame, in place."""
        reach = float(self.radii_mm.max()) + _WALL_MM
        near = np.flatnonzero(np.abs(points[:, 2] - np.float32(self.centre_mm[2])) < reach)
        for axis in (0, 1):
            away = np.abs(points[near, axis] - np.float32(self.centre_mm[axis]))
            near = near[away < reach]
        if not len(near):
            return
        offset = points[near] - self.centre_mm.astype(np.float32)
        scaled = (offset @ self.turn.T.astype(np.float32)) / self.radii_mm.astype(np.float32)
        outside = (np.linalg.norm(scaled, axis=1) - 1) * np.float32(self.radii_mm.min())
        behind = points[near, 1]
        inner = self.hu * (1 + self.rough * rough[near])
        inner = mix(inner, np.float32(self.heavy_hu), step(behind - self.heavy_behind_mm, 5.0))
        inner = mix(inner, np.float32(_GAS_HU), step(self.gas_behind_mm - behind, 1.5))
        filled = mix(
            np.full(len(near), self.wall_hu, np.float32), inner, step(-outside - self.wall_mm, 0.8)
        )
        hu[near] = mix(hu[near], filled, step(-outside, 0.8))


@dataclass(frozen=True, eq=False)
class Contents:
    """Blobs, painted one over the other, ureters, and the HU of the fat between them."""

    blobs: tuple[Blob, ...]
    ureters: tuple[Tube, ...]
    low_mm: float
    tall_mm: float
    scale: float
    psoas_mm: float
    fat_hu: float

    def paint(
        self,
        hu: Float32Array,
        points: Points,
        frame: LimbFrame,
        half_mm: tuple[float, float],
        textures: Textures,
    ) -> Float32Array:
        """HU (N,) of the trunk with its cavity filled; `half_mm` are its half-widths in x, y."""
        part = (points[:, 2] - np.float32(self.low_mm)) / np.float32(self.tall_mm)
        cavity = self._cavity(frame, part, half_mm)
        cloud = textures.cloudy.at(points, _CLOUD_MM)
        strands = np.clip(1 - np.abs(textures.cloudy.at(points, _STRAND_MM)) / _STRAND_WIDTH, 0, 1)
        inner = np.asarray(self.fat_hu + 8 * cloud + _STRAND_HU * strands, dtype=np.float32)
        bent = np.stack([frame.across_mm, frame.behind_mm, points[:, 2]], axis=-1)
        rough = textures.cloudy.at(points, _ROUGH_MM)
        wave = textures.cloudy.at(points, _BEND_MM)
        bent = bent + 3.0 * np.stack([wave, -wave, 0 * wave], axis=-1)
        for blob in self.blobs:
            blob.paint(inner, bent, rough)
        for tube in self.ureters:
            tube.paint(inner, frame, 1.0)
        hu = mix(hu, inner, step(cavity, 4.0))
        return mix(hu, _MUSCLE_HU + 3 * cloud, self._psoas(frame, part))

    def _cavity(
        self, frame: LimbFrame, part: Float32Array, half_mm: tuple[float, float]
    ) -> Float32Array:
        """Approximate depth (mm) in the cavity: the small pelvis below, the belly above."""
        up = np.clip((part - _BRIM) / 0.5, 0, 1)
        wall = _WALL_BEFORE_MM + (_WALL_BEHIND_MM - _WALL_BEFORE_MM) * np.clip(
            frame.behind_mm / half_mm[1], 0, 1
        )
        wide = mix(
            np.float32(_SMALL_PELVIS[0] * half_mm[0]), np.float32(half_mm[0] - _WALL_BEHIND_MM), up
        )
        deep = mix(
            np.float32(_SMALL_PELVIS[1] * half_mm[1]), np.float32(_BELLY_DEPTH * half_mm[1]), up
        )
        u = frame.across_mm / wide
        v = (frame.behind_mm + (0.14 + 0.06 * up) * half_mm[1]) / deep
        w = np.minimum(part - _FLOOR, 0) / _FLOOR_TALL
        oval = (1 - np.sqrt(u**2 + v**2 + w**2)) * 0.6 * deep
        return np.asarray(np.minimum(oval, -frame.muscle_mm - wall * (0.3 + 0.7 * up)), np.float32)

    def _psoas(self, frame: LimbFrame, part: Float32Array) -> Float32Array:
        """1 in the psoas muscles, which run from the spine forward and outward to the hips."""
        if self.psoas_mm <= 0:
            return np.zeros_like(part)
        x = self.scale * np.interp(part, _PSOAS_AT, _PSOAS_ACROSS_MM)
        y = self.scale * np.interp(part, _PSOAS_AT, _PSOAS_BEHIND_MM)
        size = self.scale * self.psoas_mm * np.interp(part, *_PSOAS_SIZE)
        away = np.hypot(np.abs(frame.across_mm) - x, (frame.behind_mm - y) * _PSOAS_OVAL)
        return step(size - away, 1.0)
