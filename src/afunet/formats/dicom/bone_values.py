"""Find series that show no bone although another series of the same folder does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from afunet.errors import AfunetError
from afunet.formats.dicom.gate import Stack
from afunet.formats.dicom.pixels import ImageFiles, read_hu
from afunet.formats.slice_values import FEWEST_PIXELS

LOOKED_AT, EVERY = 5, 3
BODY_FROM_HU, CORTEX_FROM_HU = -300, 500
# Shares of the body's pixels. The cortex of a leg is 2 to 10 %; where it was removed, only calcium
# in vessels and the edges of the removal are left.
HARDLY_BONE, CERTAINLY_BONE = 0.003, 0.015


def without_bone(stacks: Sequence[Stack]) -> tuple[bool, ...]:
    """Whether each stack shows hardly any cortex although another does.

    Five slices of each stack are decoded. If a slice cannot be decoded, the stack is left to the
    reader.
    """
    shares = [_cortex(stack) if len(stacks) > 1 else None for stack in stacks]
    known = [share for share in shares if share is not None]
    bone = max(known, default=0.0) >= CERTAINLY_BONE
    return tuple(bone and share is not None and share < HARDLY_BONE for share in shares)


def _cortex(stack: Stack) -> float | None:
    """The share of the body's pixels that are as bright as cortex; None if unknown."""
    first = stack.headers[0]
    if first.rows * first.columns < FEWEST_PIXELS:
        return None
    middles = (np.arange(LOOKED_AT) + 0.5) / LOOKED_AT * len(stack.headers)
    body = cortex = 0
    files = ImageFiles()
    for index in sorted({int(middle) for middle in middles}):
        try:
            hu = read_hu(stack.headers[index], "a slice", files)[::EVERY, ::EVERY]
        except AfunetError:
            return None
        body += int((hu > BODY_FROM_HU).sum())
        cortex += int((hu > CORTEX_FROM_HU).sum())
    return cortex / body if body else None
