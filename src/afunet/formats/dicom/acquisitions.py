"""Several acquisitions in one series, told apart by what their headers say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from afunet.formats.dicom.copies import SAME_POSITION_MM
from afunet.formats.dicom.header import PHASES, Header

# On average, of an acquisition.
FEWEST_SLICES = 3


def told_apart(headers: Sequence[Header]) -> tuple[tuple[Header, ...], ...]:
    """The headers as one acquisition, or as several that each fill a position once.

    Only where different images claim one position are they split: by the first property of
    `Header.phase` that separates all of them into stacks. Where none does they stay together and
    the gate refuses them.
    """
    whole = tuple(headers)
    if not _collides(whole):
        return (whole,)
    for index in range(len(PHASES)):
        groups: dict[str, list[Header]] = defaultdict(list)
        for header in whole:
            groups[header.phase[index]].append(header)
        stacks = len(groups) * FEWEST_SLICES <= len(whole)  # a time of its own a slice is no phase
        if len(groups) > 1 and stacks and not any(_collides(group) for group in groups.values()):
            return tuple(tuple(group) for group in groups.values())
    return (whole,)


def _collides(headers: Sequence[Header]) -> bool:
    """Whether two images that are not one and the same instance lie at one position."""
    placed = {header.sop_instance or str(id(header)): header for header in headers}
    positions = [one.position_mm for one in placed.values() if one.position_mm is not None]
    rounded = np.round(np.array(positions).reshape(-1, 3) / SAME_POSITION_MM).astype(np.int64)
    return len(np.unique(rounded, axis=0)) < len(positions)
