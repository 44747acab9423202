"""The CT that a mask was made from, on the mask's own grid."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np

from afunet.errors import InputError
from afunet.findings import Finding, info, warning
from afunet.formats.labelling import Labelling
from afunet.formats.readers import read_scan
from afunet.geometry import Volume, bounding_box, planes_of, shares_on_planes
from afunet.geometry.tolerances import SAME_PLACE_MM
from afunet.watch import UNWATCHED, Watch

LEAST_SEEN = 0.5
"""The least share of the mask that a scan of the same patient shows."""
MARROW_HU = 300.0
"""Stands for bone that the scan does not show, so that nothing looks like a contact there."""


def scan_on_grid(
    read: Labelling, path: Path, watch: Watch = UNWATCHED
) -> tuple[Volume, tuple[Finding, ...]]:
    """The scan at a path in HU on the grid of a mask, and what was found about it.

    Raises `InputError` with the code `SCAN_ELSEWHERE` if it does not show where the mask is, and
    the errors of `read_scan`.
    """
    scan = read_scan(path, watch=watch)
    mask = read.volume
    known = _about_bone(scan.findings, mask, scan.volume)
    if mask.same_grid(scan.volume, SAME_PLACE_MM):
        return mask.with_voxels(scan.volume.voxels), known
    voxels, seen, bone = np.empty(mask.shape, dtype=np.float32), 0, 0
    everywhere = scan.volume.with_voxels(np.ones(scan.volume.shape, dtype=np.uint8))
    planes = planes_of(mask)
    values = zip(
        shares_on_planes(scan.volume, planes), shares_on_planes(everywhere, planes), strict=True
    )
    for index, (hu, share) in enumerate(values):
        watch.check()
        shown, here = share > 0.5, mask.voxels[index] != 0
        voxels[index] = np.where(shown, hu / np.maximum(share, 0.5), MARROW_HU)
        seen, bone = seen + int((shown & here).sum()), bone + int(here.sum())
    if seen < LEAST_SEEN * bone:
        raise InputError(
            f"the scan shows {seen / bone:.0%} of the mask, expected the scan that the mask was "
            "made from: their positions do not overlap",
            code="SCAN_ELSEWHERE",
        )
    found = info("SCAN_RESAMPLED", "the scan lies on another grid: it was resampled to the mask's")
    beyond = () if seen == bone else (_beyond(1 - seen / bone),)
    return mask.with_voxels(voxels), (*known, found, *beyond)


def _about_bone(findings: tuple[Finding, ...], mask: Volume, scan: Volume) -> tuple[Finding, ...]:
    """Leave out that the scan cuts the body, or has empty slices, where the mask has no bone."""
    box = bounding_box(mask.voxels)
    if box is None:
        return findings
    ends = [(side.start, side.stop - 1) for side in reversed(box)]
    at = scan.to_indices(mask.to_mm(list(product(*ends))))
    slices, *sides = scan.shape
    low, high = at.min(axis=0), at.max(axis=0)
    gone = set()
    if (low[:2] >= 1).all() and (high[:2] <= np.array(sides[::-1]) - 2).all():
        gone.add("BODY_CUT")
    shown = scan.voxels[max(0, round(low[2])) : min(slices, round(high[2]) + 1)]
    if all(hu.min() < hu.max() for hu in shown):
        gone.add("EMPTY_SLICE")
    return tuple(one for one in findings if one.code not in gone)


def _beyond(share: float) -> Finding:
    return warning(
        "SCAN_SHORT",
        f"{share:.1%} of the mask lies beyond the scan: fragments are not told apart there",
    )
