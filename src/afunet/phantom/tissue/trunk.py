"""The outside of the pelvis region: a flattened oval that the thighs grow out of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from afunet.phantom.shapes.arrays import Float32Array, Points
from afunet.phantom.shapes.noise import Textures
from afunet.phantom.tissue.envelope import LimbFrame
from afunet.phantom.tissue.organs import Contents


@dataclass(frozen=True)
class Trunk:
    """An oval of half-widths about (0, `middle_mm`) in x, y; its lower end is `crotch_mm`."""

    half_width_mm: float
    half_depth_mm: float
    middle_mm: float
    crotch_mm: float
    fat_mm: float
    knee_mm: float
    contents: Contents | None = None

    def frame(self, points: Points) -> LimbFrame:
        """Where LPS points (..., 3) lie in the trunk."""
        x, y, z = (points[..., axis].astype(np.float32) for axis in range(3))
        y = y - np.float32(self.middle_mm)
        u, v = np.abs(x) / self.half_width_mm, np.abs(y) / self.half_depth_mm
        length = np.maximum((u**2.4 + v**2.4) ** (1 / 2.4), 1e-3)
        reach = np.hypot(x, y)
        # Towards the crotch the oval narrows, so that it blends into the thighs.
        sunk = np.maximum(self.crotch_mm + 60 - z, 0) * 0.8
        skin = (reach - reach / length) * 0.8 + sunk
        waist = np.interp(z - self.crotch_mm, (60, 200, 300), (0, 6, 14))
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
        """HU (N,) with what fills the pelvis between its bones: fat, bowel and bladder."""
        if self.contents is not None:
            half_mm = (self.half_width_mm - self.fat_mm, self.half_depth_mm - self.fat_mm)
            return self.contents.paint(hu, points, frame, half_mm, textures)
        u = frame.across_mm / (0.5 * self.half_width_mm)
        v = (frame.behind_mm + 0.12 * self.half_depth_mm) / (0.68 * self.half_depth_mm)
        w = np.minimum(points[..., 2] - self.crotch_mm - 110, 0) / 80
        inside = np.clip((1 - np.sqrt(u**2 + v**2 + w**2)) * 12, 0, 1)
        loops = textures.cloudy.at(points, 45.0)
        bowel = np.clip(2.5 * loops + 1.2, 0, 1)
        organs = -95 + 130 * bowel + 6 * textures.cloudy.at(points, 12.0)
        gas = (loops > 1.5) & (textures.cloudy.at(points + 31, 20.0) > 0.5) & (w == 0)
        organs = np.where(gas, np.float32(-850), organs)
        height = (points[..., 2] - self.crotch_mm - 75) / 34
        bladder = np.sqrt((u / 0.5) ** 2 + ((v + 0.2) / 0.5) ** 2 + height**2)
        organs = organs + (8 - organs) * np.clip((1 - bladder) * 20, 0, 1)
        return np.asarray(hu + (organs - hu) * inside, dtype=np.float32)
