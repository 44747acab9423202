"""From where on something is flagged, and where each number comes from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Limits of all flags; docs/trust.md tells how each was set and what it catches.

    HU unless the name says otherwise. None was set on a case that docs/trust.md reports.
    """

    # Saturation of 12-bit CT; no bone is as dense.
    metal_hu: float = 3000.0
    metal_voxels: int = 2
    # Upper quartile and median of all that is soft. Of 12 simulated legs as drawn the quartiles
    # are -16 to 68 (182 in a cast), the medians -83 to 56; 150 HU too high both are 124 and 63 or
    # more, with a slope of 1.2 they are 175 and 85 or more.
    muscle_low_hu: float = -60.0
    muscle_high_hu: float = 110.0
    flesh_high_hu: float = 58.0
    # Air -1000 by definition; the dark end is clipped at -1024 by most scanners.
    air_low_hu: float = -1060.0
    air_high_hu: float = -900.0
    # Median of whole bones; cortex alone is about 1200 to 1800.
    bone_high_hu: float = 1800.0
    # The simulated training scans reach 45 in their settings, 53 as measured here.
    noise_hu: float = 60.0
    # Largest of 30 simulated legs of 20 slices with their exact masks: 1.32, then 1.25; with
    # the network's mask once 1.62. Of 150 steps with one slice missing there 45 % are flagged, of
    # 120 with three 70 %.
    step_slices: float = 1.75
    # Largest of the same 12 legs: -0.01.
    lost: float = 0.1
    # Largest of the same 12 legs, thinned bone among them: 0.33.
    faint_share: float = 0.35
    # Lowest expected of the same 72: 0.941.
    slice_dice: float = 0.93
    # Of the surest tenth of a piece's voxels; by judgement.
    piece_probability: float = 0.8
    # Lowest of 72 validation slices (36 of knees, 36 simulated): 0.946.
    flip_dice: float = 0.93
    # A fragment of less than 5 mm across; by judgement.
    small_mm3: float = 100.0
    least_bone_mm2: float = 25.0
    # A cavity of 12 mm across; by judgement: clean simulated hips have up to 300 mm³ filled.
    hole_mm3: float = 1000.0


LIMITS = Limits()
