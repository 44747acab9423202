"""A label volume as read: its whole numbers, the findings, and what is known of its position."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afunet.errors import InputError
from afunet.findings import SIDES_UNKNOWN, Finding, info
from afunet.formats.lengths import size_finding
from afunet.formats.segments import Segment
from afunet.geometry import Volume
from afunet.geometry.shear import require_straight
from afunet.geometry.tolerances import COARSEST_LABEL_STEP, LABEL_TOLERANCE

LABEL_DTYPES = (np.uint8, np.int16, np.int32)


@dataclass(frozen=True, eq=False)
class Labelling:
    """Labels on a grid, and the findings about them.

    `step` is the distance between possible values if the file stores scaled values, 0 if it stores
    them unscaled. `is_part` says that the file may hold only the slices of its grid that have
    labels. `segments` are the labels that the file names.
    """

    volume: Volume
    findings: tuple[Finding, ...] = ()
    step: float = 0.0
    is_part: bool = False
    segments: tuple[Segment, ...] = ()

    @property
    def codes(self) -> frozenset[str]:
        """The findings' codes."""
        return frozenset(finding.code for finding in self.findings)

    @property
    def spacing_known(self) -> bool:
        """Whether the voxel size is known, so that millimetres are true."""
        return "SPACING_UNKNOWN" not in self.codes

    @property
    def sides_known(self) -> bool:
        """Whether the patient's left and right are known."""
        return self.spacing_known and not SIDES_UNKNOWN & self.codes


def checked_labels(read: Labelling) -> Labelling:
    """Return the labels in the smallest of uint8, int16 and int32 that holds them.

    Floating-point values near whole numbers (`geometry/tolerances.py`) are rounded to them, with a
    finding. Raises `InputError` for other values and `GeometryError` for axes that are sheared.
    """
    require_straight(read.volume)
    voxels, rounded = _whole(read)
    low, high = float(voxels.min()), float(voxels.max())
    for dtype in LABEL_DTYPES:
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            volume = read.volume.with_voxels(voxels.astype(dtype, copy=False))
            findings = read.findings + size_finding(volume.spacing_mm) + rounded
            return replace(read, volume=volume, findings=findings, step=0.0)
    raise InputError(
        f"the labels range from {low:g} to {high:g}, expected whole numbers of at most 32 bits",
        code="BAD_LABELS",
    )


def require_no_negative(labels: Volume, what: str) -> None:
    """Raise `InputError` for labels below 0, which some tools write for unlabelled voxels."""
    lowest = int(labels.voxels.min())
    if lowest < 0:
        raise InputError(
            f"{what} has negative labels, the lowest is {lowest}, but a mask has no value for 'not "
            "labelled': write such voxels as 0 or label them",
            code="NEGATIVE_LABELS",
        )


def _whole(read: Labelling) -> tuple[NDArray[Any], tuple[Finding, ...]]:
    voxels = read.volume.voxels
    if np.issubdtype(voxels.dtype, np.integer):
        return voxels, ()
    nearest = np.rint(voxels)
    with np.errstate(invalid="ignore"):  # infinity is as far from itself as NaN
        off = np.abs(voxels - nearest)
    half_step = read.step / 2 if read.step <= COARSEST_LABEL_STEP else 0.0
    wrong = ~(off <= max(LABEL_TOLERANCE, half_step * 1.01))  # NaN is nowhere near
    if wrong.any():
        example = voxels[wrong][0]
        raise InputError(
            f"labels must be whole numbers: {int(wrong.sum())} of {voxels.size} are not, the first "
            f"is {example:g}",
            code="BAD_LABELS",
        )
    if not off.any():
        return nearest, ()
    message = f"{np.count_nonzero(off)} label values are off whole numbers by up to {off.max():.1g}"
    return nearest, (info("LABELS_ROUNDED", message, "rounded"),)
