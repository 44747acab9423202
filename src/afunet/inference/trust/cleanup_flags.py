"""Flags about what the clean-up removed from the mask or filled in it."""

from __future__ import annotations

import cc3d
import numpy as np
from numpy.typing import NDArray

from afunet.findings import Flag, Severity
from afunet.geometry import bounding_box
from afunet.geometry.labels import label_sizes
from afunet.inference.trust.evidence import Evidence
from afunet.inference.trust.limits import LIMITS
from afunet.inference.trust.places import Box, fullest_slice, largest_patch, plural
from afunet.inference.trust.signs import Signs


def specks_removed(signs: Signs) -> list[Flag]:
    """Flag components that were removed because they are small: one may be a chip of bone."""
    count, mm3 = signs.evidence.cleaned.specks_removed, signs.evidence.cleaned.specks_mm3
    message = (
        f"{_counted(signs.evidence, count, 'speck', mm3)} removed as too small to be bone: check "
        "that no loose chip of bone was removed"
    )
    return _taken_out(signs, "SPECKS_REMOVED", message, mm3) if count else []


def outside_removed(signs: Signs) -> list[Flag]:
    """Flag components that were removed because they lie outside the body."""
    count, mm3 = signs.evidence.cleaned.outside_removed, signs.evidence.cleaned.outside_mm3
    message = (
        f"{_counted(signs.evidence, count, 'part', mm3)} removed as lying outside the body "
        "(table, cast, object)"
    )
    return _taken_out(signs, "OUTSIDE_REMOVED", message, mm3) if count else []


def holes_filled(signs: Signs) -> list[Flag]:
    """Flag holes that were filled: one may be a real cavity."""
    filled = signs.evidence.cleaned.filled_mm3
    if filled == 0:
        return []
    worst, box = _largest_change(signs.evidence.mask > signs.evidence.predicted)
    large = signs.evidence.spacing_known and filled >= LIMITS.hole_mm3
    message = (
        f"holes of {_sum(signs.evidence, filled)} in bone were filled: check that none was a real "
        "cyst, tunnel or gap"
    )
    severity = Severity.WARNING if large else Severity.INFO
    return [Flag("HOLES_FILLED", severity, message, index=worst, box=box, doubtful_mm3=filled)]


def _counted(evidence: Evidence, count: int, noun: str, mm3: float) -> str:
    """The number and volume of components in words."""
    together = " together" if count > 1 else ""
    return f"{count} {noun}{plural(count)} ({_sum(evidence, mm3)}{together})"


def _taken_out(signs: Signs, code: str, message: str, mm3: float) -> list[Flag]:
    """One flag, at the slice where most was removed as specks or else as outside the body."""
    gone = _removed(signs.evidence, specks=code == "SPECKS_REMOVED")
    worst, box = _largest_change(gone)
    return [Flag(code, Severity.INFO, message, index=worst, box=box, doubtful_mm3=mm3)]


def _sum(evidence: Evidence, mm3: float) -> str:
    """A volume of the clean-up in words: in mm³, or in voxels if the spacing is not known."""
    return evidence.volume(mm3 / evidence.grid_voxel)


def _largest_change(changed: NDArray[np.bool_]) -> tuple[int, Box | None]:
    """The slice with the most marked pixels, and the box of its largest patch."""
    worst = fullest_slice(changed)
    return worst, largest_patch(changed[worst])


def _removed(evidence: Evidence, *, specks: bool) -> NDArray[np.bool_]:
    """What the clean-up removed: components below the limit of specks, or the others."""
    gone = evidence.predicted > evidence.mask
    box = bounding_box(gone)
    if box is None:
        return gone
    parts = cc3d.connected_components(gone[box], connectivity=26, binary_image=True)
    small = label_sizes(parts) * evidence.grid_voxel < evidence.speck_mm3
    wanted = small if specks else ~small
    wanted[0] = False
    if wanted.any():  # otherwise the small ones lay outside the body too
        gone[box] = wanted[parts]
    return gone
