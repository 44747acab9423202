"""The table of all flags, and the order in which they are reported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from afunet.findings import Flag, Severity
from afunet.inference.trust import cleanup_flags, fracture_flags, mask_flags, scan_flags
from afunet.inference.trust.limits import LIMITS
from afunet.inference.trust.signs import Signs

FLAGS: Mapping[str, tuple[Callable[[Signs], list[Flag]], ...]] = {
    "HU_IMPLAUSIBLE": (scan_flags.implausible_hu,),
    "SLICE_DROPPED": (scan_flags.slice_dropped,),
    "BONE_CUT": (scan_flags.bone_cut,),
    "METAL": (scan_flags.metal,),
    "FRACTURE_SUSPECTED": (fracture_flags.fracture_suspected,),
    "SLICES_DISAGREE": (mask_flags.slices_disagree,),
    "LOW_CONFIDENCE": (mask_flags.low_confidence_slices, mask_flags.low_confidence_pieces),
    "LOW_DENSITY": (mask_flags.low_density,),
    "FLIPS_DISAGREE": (mask_flags.flips_disagree,),
    "NOISE": (scan_flags.noise,),
    "HOLES_FILLED": (cleanup_flags.holes_filled,),
    "SPECKS_REMOVED": (cleanup_flags.specks_removed,),
    "OUTSIDE_REMOVED": (cleanup_flags.outside_removed,),
    "BONE_ENDS_AT_SCAN": (scan_flags.bone_ends,),
}
_GRAVITY = (Severity.ERROR, Severity.WARNING, Severity.INFO)


def raise_flags(signs: Signs) -> tuple[Flag, ...]:
    """Return all flags, the worst first; without bone only those of the scan.

    Warnings come before information; within each, the flag that puts most of the result in doubt
    comes first. A warning about less than `LIMITS.small_mm3` becomes information.
    """
    found = [
        _weighed(flag) for raisers in FLAGS.values() for raiser in raisers for flag in raiser(signs)
    ]
    return tuple(sorted(found, key=_order))  # stable


def _order(flag: Flag) -> tuple[int, bool, float]:
    """Sort key: severity, small ones last, then the doubtful volume; 0 mm³ means unknown."""
    little = 0 < flag.doubtful_mm3 < LIMITS.small_mm3
    return _GRAVITY.index(flag.severity), little, -flag.doubtful_mm3


def _weighed(flag: Flag) -> Flag:
    small = flag.severity is Severity.WARNING and flag.doubtful_mm3 < LIMITS.small_mm3
    return replace(flag, severity=Severity.INFO) if small else flag
