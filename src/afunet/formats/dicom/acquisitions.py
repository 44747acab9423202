"""Separate several acquisitions in one series by their headers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence

import numpy as np
from scipy.spatial import cKDTree

from afunet.formats.dicom.copies import same_position_mm
from afunet.formats.dicom.evidence import (
    FEWEST_OF_A_SCAN,
    Verdict,
    are_placed,
    is_whole,
    tiling_of,
    verdict,
)
from afunet.formats.dicom.header import Header


def told_apart(headers: Sequence[Header]) -> tuple[tuple[Header, ...], ...]:
    """Split headers into acquisitions that each have one image per position.

    They are split only if different images lie at one position, or if complete scans interleave:
    by the first of `_properties` that separates all of them into stacks. If none does, they stay
    together and the gate judges them.
    """
    whole = tuple(headers)
    collides = _collides(whole)
    properties = [_properties(header) for header in whole]
    for index in range(min(map(len, properties))):
        groups: dict[Hashable, list[Header]] = defaultdict(list)
        for header, values in zip(whole, properties, strict=True):
            groups[values[index]].append(header)
        parts = tuple(map(tuple, groups.values()))
        stacks = len(parts) * FEWEST_OF_A_SCAN <= len(whole)  # a time for each slice is not a phase
        if len(parts) < 2 or not stacks or any(map(_collides, parts)):
            continue
        if collides or _are_several_scans(parts):
            return parts
    return (whole,)


def _properties(header: Header) -> tuple[Hashable, ...]:
    """Values that may separate acquisitions, or several series with the same UID."""
    own = (header.series_number, header.study_uid, header.frame_of_reference)
    made = (header.slice_thickness_mm, header.pixel_spacing_mm, header.rows, header.descriptions)
    return (*own, *header.phase, *made)


def _are_several_scans(parts: Sequence[tuple[Header, ...]]) -> bool:
    """Whether the parts are complete scans that interleave, such as two phases."""
    several = are_placed(parts) and verdict(parts) is Verdict.SEVERAL
    return several and all(map(is_whole, parts)) and tiling_of(parts).interleaved


def _collides(headers: Sequence[Header]) -> bool:
    """Whether two different instances lie at one position, compared as in `copies`."""
    placed = {
        (one.sop_instance or str(id(one)), one.instance_number, one.phase): one for one in headers
    }
    positions = [one.position_mm for one in placed.values() if one.position_mm is not None]
    if len(positions) < 2:
        return False
    points = np.array(positions)
    widest = int(np.ptp(points, axis=0).argmax())
    tolerance_mm = same_position_mm(np.sort(points[:, widest]))
    nearest_mm, _ = cKDTree(points).query(points, k=2)
    return bool(nearest_mm[:, 1].min() <= tolerance_mm)
