"""The limits beyond which something is flagged, and where each number comes from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Limits of all flags; docs/trust.md says how each was set and what it catches.

    Limits are in HU where their names end in `_hu`. None was set on a case that docs/trust.md
    reports.
    """

    # Saturation of 12-bit CT; no bone is this dense.
    metal_hu: float = 3000.0
    metal_voxels: int = 2
    # Upper quartile and median of all soft tissue. On 12 simulated legs the quartiles are -16 to
    # 68 (182 in a cast), the medians -83 to 56. With values 150 HU too high they are at least 124
    # and 63, with a slope of 1.2 at least 175 and 85.
    muscle_low_hu: float = -60.0
    muscle_high_hu: float = 110.0
    flesh_high_hu: float = 58.0
    # Air is -1000 by definition; most scanners clip values below -1024.
    air_low_hu: float = -1060.0
    air_high_hu: float = -900.0
    # Median of whole bones; cortex alone is about 1200 to 1800.
    bone_high_hu: float = 1800.0
    # The simulated training scans were set to at most 45, which measures as 53 here.
    noise_hu: float = 60.0
    # The largest on 30 simulated legs of 20 slices with their exact masks is 1.32, then 1.25; with
    # the network's mask once 1.62. If one slice is missing, 45 % of 150 such steps are flagged; if
    # three are missing, 70 % of 120.
    step_slices: float = 1.75
    # The largest on the same 12 legs: -0.01.
    lost: float = 0.1
    # The largest on the same 12 legs, including thinned bone: 0.33.
    faint_share: float = 0.35
    # The lowest expected Dice of the 72 slices named below: 0.941.
    slice_dice: float = 0.93
    # The probability that the surest tenth of a piece's voxels reaches; by judgement.
    piece_probability: float = 0.8
    # The lowest of 72 validation slices (36 of knees, 36 simulated): 0.946.
    flip_dice: float = 0.93
    # A fragment about 5 mm across; by judgement.
    small_mm3: float = 100.0
    least_bone_mm2: float = 25.0
    # A cavity 12 mm across; by judgement: in sound simulated hips up to 300 mm³ are filled.
    hole_mm3: float = 1000.0


LIMITS = Limits()
