"""The outside of the pelvic region: a flattened oval that blends into the thighs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from afunet.phantom.shapes.arrays import Float32Array, Points
from afunet.phantom.shapes.noise import Textures
from afunet.phantom.tissue.envelope import LimbFrame
from afunet.phantom.tissue.organs import Contents

_SQUARE = 2.4
"""Exponent of the oval: 2 is an ellipse, a larger one is squarer."""
_SLANTED = 0.8
"""Distance to a slanted side as a share of that along the radius."""
_NARROWING_MM, _WAIST_MM = 60, ((60, 200, 300), (0, 6, 14))
"""Height above the crotch below which the trunk narrows; waist indent per side by height."""
# The plain filling: fat, bowel, bladder. Heights above the crotch, HU, by eye from CT.
_FLOOR_MM, _BLADDER_MM, _BLADDER_HALF_MM, _LOOP_MM = 110, 75, 34, 45.0
_FAT_HU, _BOWEL_HU, _GAS_HU, _URINE_HU = -95, 35, -850, 8


@dataclass(frozen=True)
class Trunk:
    """An oval with half-width and half-depth, centred at (0, `middle_mm`), down to `crotch_mm`."""

    half_width_mm: float
    half_depth_mm: float
    middle_mm: float
    crotch_mm: float
    fat_mm: float
    knee_mm: float
    contents: Contents | None = None

    def frame(self, points: Points) -> LimbFrame:
        """Coordinates of LPS points (..., 3) in the trunk."""
        x, y, z = (points[..., axis].astype(np.float32) for axis in range(3))
        y = y - np.float32(self.middle_mm)
        u, v = np.abs(x) / self.half_width_mm, np.abs(y) / self.half_depth_mm
        length = np.maximum((u**_SQUARE + v**_SQUARE) ** (1 / _SQUARE), 1e-3)
        reach = np.hypot(x, y)
        # The oval narrows towards the crotch, so that it blends into the thighs.
        sunk = np.maximum(self.crotch_mm + _NARROWING_MM - z, 0) * _SLANTED
        skin = (reach - reach / length) * _SLANTED + sunk
        waist = np.interp(z - self.crotch_mm, *_WAIST_MM)
        skin = (skin + waist).astype(np.float32)
        fat = self.fat_mm * (0.75 + 0.6 * np.clip(y / self.half_depth_mm, -0.4, 1))
        return LimbFrame(
            across_mm=x,
            behind_mm=y.astype(np.float32),
            height_mm=z - np.float32(self.knee_mm),
            radius_mm=np.asarray(reach / length, dtype=np.float32),
            muscle_mm=np.asarray(skin + fat, dtype=np.float32),
            skin_mm=skin,
        )

    def with_organs(
        self, hu: Float32Array, points: Points, frame: LimbFrame, textures: Textures
    ) -> Float32Array:
        """HU (N,) with the contents of the pelvis: fat, bowel and bladder."""
        if self.contents is not None:
            half_mm = (self.half_width_mm - self.fat_mm, self.half_depth_mm - self.fat_mm)
            return self.contents.paint(hu, points, frame, half_mm, textures)
        u = frame.across_mm / (0.5 * self.half_width_mm)
        v = (frame.behind_mm + 0.12 * self.half_depth_mm) / (0.68 * self.half_depth_mm)
        w = np.minimum(points[..., 2] - self.crotch_mm - _FLOOR_MM, 0) / 80
        inside = np.clip((1 - np.sqrt(u**2 + v**2 + w**2)) * 12, 0, 1)
        loops = textures.cloudy.at(points, _LOOP_MM)
        bowel = np.clip(2.5 * loops + 1.2, 0, 1)
        organs = _FAT_HU + (_BOWEL_HU - _FAT_HU) * bowel + 6 * textures.cloudy.at(points, 12.0)
        gas = (loops > 1.5) & (textures.cloudy.at(points + 31, 20.0) > 0.5) & (w == 0)
        organs = np.where(gas, np.float32(_GAS_HU), organs)
        height = (points[..., 2] - self.crotch_mm - _BLADDER_MM) / _BLADDER_HALF_MM
        bladder = np.sqrt((u / 0.5) ** 2 + ((v + 0.2) / 0.5) ** 2 + height**2)
        organs = organs + (_URINE_HU - organs) * np.clip((1 - bladder) * 20, 0, 1)
        return np.asarray(hu + (organs - hu) * inside, dtype=np.float32)
