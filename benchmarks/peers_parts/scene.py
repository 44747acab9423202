"""The slices that every row sees, and the true bone on them."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from afunet.formats.readers import read_labels, read_scan
from afunet.formats.scan import Scan
from afunet.geometry import Volume
from afunet.phantom import SIMULATOR, LegConfig, axial_grid, simulate
from afunet.preprocessing import BONE_WINDOW
from benchmarks.bench import scan_of

SIMULATED_FIELD_MM = 230.0


@dataclass(frozen=True, eq=False)
class Scene:
    """Neighbouring slices of one scan with their label, 0/1; `source` says whose they are."""

    scan: Scan
    truth: Volume
    source: str

    @property
    def slices(self) -> int:
        """How many."""
        return self.scan.volume.shape[0]

    @property
    def units(self) -> NDArray[np.float32]:
        """In [0, 1], (N, 1, H, W), as networks of other authors get them."""
        return BONE_WINDOW.to_unit(self.scan.volume.voxels)[:, None]

    @property
    def digest(self) -> str:
        """Tells slices from others."""
        return hashlib.sha256(np.ascontiguousarray(self.scan.volume.voxels).tobytes()).hexdigest()


def simulated_scene(slices: int, size_px: int) -> Scene:
    """A simulated knee that fills the field of view, cut through the joint."""
    grid = axial_grid((slices, size_px, size_px), SIMULATED_FIELD_MM / size_px, 1.0, (95, 8, 0))
    leg = simulate(LegConfig(grid=grid))
    return _middle(leg.volume, leg.bones.foreground(), slices, SIMULATOR)


def real_scene(scan: Path, label: Path, slices: int, size_px: int) -> Scene:
    """The middle slices of a scan that is read from a file or folder."""
    volume, truth = read_scan(scan).volume, read_labels(label)
    truth.require_same_grid(volume, "the scan")
    if volume.shape[1:] != (size_px, size_px):
        sys.exit(f"slices have {volume.shape[1:]} px, expected {size_px} x {size_px}")
    mm = " x ".join(f"{step:.2f}" for step in volume.array_spacing_mm)
    return _middle(volume, truth, slices, f"a scan of {volume.shape[0]} slices, {mm} mm")


def _middle(volume: Volume, truth: Volume, slices: int, source: str) -> Scene:
    first = max(0, (volume.shape[0] - slices) // 2)
    part = slice(first, first + slices)
    affine = volume.affine.copy()
    affine[:3, 3] = volume.to_mm((0, 0, first))
    bone = (truth.voxels[part] != 0).astype(np.uint8)
    return Scene(scan_of(Volume(volume.voxels[part], affine)), Volume(bone, affine), source)
