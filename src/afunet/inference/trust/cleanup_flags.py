"""Flags of what the clean-up took out of the mask or filled in."""

from __future__ import annotations

import cc3d
import numpy as np
from numpy.typing import NDArray

from afunet.findings import Flag, Severity
from afunet.geometry import bounding_box
from afunet.inference.trust.evidence import Evidence
from afunet.inference.trust.limits import LIMITS
from afunet.inference.trust.places import Box, fullest_slice, largest_patch, plural
from afunet.inference.trust.signs import Signs


def specks_removed(signs: Signs) -> list[Flag]:
    """What was taken out for its smallness, in case it was a chip of bone."""
    count, mm3 = signs.evidence.cleaned.specks_removed, signs.evidence.cleaned.specks_mm3
    message = (
        f"{_counted(signs.evidence, count, 'speck', mm3)} removed as too small to be bone: a loose "
        "chip may be among what was removed"
    )
    return _taken_out(signs, "SPECKS_REMOVED", message, mm3) if count else []


def outside_removed(signs: Signs) -> list[Flag]:
    """What was taken out as lying outside the body."""
    count, mm3 = signs.evidence.cleaned.outside_removed, signs.evidence.cleaned.outside_mm3
    message = (
        f"{_counted(signs.evidence, count, 'part', mm3)} removed as lying outside the body "
        "(table, cast, object)"
    )
    return _taken_out(signs, "OUTSIDE_REMOVED", message, mm3) if count else []


def holes_filled(signs: Signs) -> list[Flag]:
    """What was filled in, in case it was a real cavity."""
    filled = signs.evidence.cleaned.filled_mm3
    if filled == 0:
        return []
    worst, box = _largest_change(signs.evidence.mask > signs.evidence.predicted)
    large = signs.evidence.spacing_known and filled >= LIMITS.hole_mm3
    message = (
        f"{_sum(signs.evidence, filled)} of holes in bone were filled: a real cyst, tunnel or gap "
        "may be among them"
    )
    severity = Severity.WARNING if large else Severity.INFO
    return [Flag("HOLES_FILLED", severity, message, index=worst, box=box, doubtful_mm3=filled)]


def _counted(evidence: Evidence, count: int, noun: str, mm3: float) -> str:
    """So many things of a volume that the clean-up counted."""
    together = " together" if count > 1 else ""
    return f"{count} {noun}{plural(count)} ({_sum(evidence, mm3)}{together})"


def _taken_out(signs: Signs, code: str, message: str, mm3: float) -> list[Flag]:
    """One flag where most was taken out, of specks or of all else."""
    gone = _removed(signs.evidence, specks=code == "SPECKS_REMOVED")
    worst, box = _largest_change(gone)
    return [Flag(code, Severity.INFO, message, index=worst, box=box, doubtful_mm3=mm3)]


def _sum(evidence: Evidence, mm3: float) -> str:
    """A volume that the clean-up counted, in words; without a spacing its mm³ are voxels."""
    return evidence.volume(mm3 / evidence.grid_voxel)


def _largest_change(changed: NDArray[np.bool_]) -> tuple[int, Box | None]:
    """Slice and box where a volume holds most."""
    worst = fullest_slice(changed)
    return worst, largest_patch(changed[worst])


def _removed(evidence: Evidence, *, specks: bool) -> NDArray[np.bool_]:
    """What the clean-up took away: parts below the limit of specks, or all else."""
    gone = evidence.predicted > evidence.mask
    box = bounding_box(gone)
    if box is None:
        return gone
    parts = cc3d.connected_components(gone[box], connectivity=26)
    small = np.bincount(parts.ravel()) * evidence.grid_voxel < evidence.speck_mm3
    wanted = small if specks else ~small
    wanted[0] = False
    if wanted.any():  # else the small ones lay outside too
        gone[box] = wanted[parts]
    return gone
