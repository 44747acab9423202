"""Check whether the body reaches beyond the field of view."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afunet.findings import Finding, warning
from afunet.formats.slice_values import off_centre, surroundings
from afunet.geometry import Volume

TISSUE_FROM_HU = -250
# A table crosses the edge of the field as a thin plate, or runs along it; a limb is thick.
SHORTEST_CUT_MM = 25.0
DEPTH_MM = 15.0
STEPS_PER_TURN = 720
# Pixels at the rim of a circular field that scanners may leave empty.
RAGGED_EDGE = 3


def field_findings(volume: Volume) -> tuple[Finding, ...]:
    """Warn if tissue lies along the edge of the field of view, 25 mm long and 15 mm deep.

    The edge is that of the image, or the circle in it if the scanner left the corners empty. A
    single value along more than half of the image's edge is no tissue, whatever it is.
    """
    pixel_mm = float(volume.spacing_mm[:2].mean())
    cut = sum(_is_cut(hu, pixel_mm) for hu in volume.voxels)
    if not cut:
        return ()
    message = (
        f"the body reaches beyond the field of view in {cut} of {volume.shape[0]} slices: bone may "
        "be cut off there"
    )
    return (warning("BODY_CUT", message),)


def _is_cut(hu: NDArray[Any], pixel_mm: float) -> bool:
    depth = max(int(DEPTH_MM / pixel_mm), 1)
    if 2 * (depth + RAGGED_EDGE) >= min(hu.shape):
        return False
    around = surroundings(hu)
    if around is not None and around > TISSUE_FROM_HU:
        hu = np.where(hu == around, TISSUE_FROM_HU, hu)
    if _is_circular(hu):
        flags, step_mm = _along_circle(hu, depth), np.pi * min(hu.shape) * pixel_mm / STEPS_PER_TURN
    else:
        flags, step_mm = _along_border(hu, depth), pixel_mm
    return bool(max(_runs(flags), default=0) * step_mm >= SHORTEST_CUT_MM)


def _is_circular(hu: NDArray[Any]) -> bool:
    """Whether everything outside the circle in the image has one value, the lowest."""
    beyond = off_centre(*hu.shape) > min(hu.shape) / 2 + 1
    return bool((hu[beyond] == hu.min()).all())


def _along_border(hu: NDArray[Any], depth: int) -> NDArray[np.bool_]:
    """Whether there is tissue from the edge to `depth` pixels inwards, once around the image."""
    top, bottom = hu[:depth].min(axis=0), hu[-depth:].min(axis=0)
    left, right = hu[:, :depth].min(axis=1), hu[:, -depth:].min(axis=1)
    return np.concatenate([top, right, bottom[::-1], left[::-1]]) > TISSUE_FROM_HU


def _along_circle(hu: NDArray[Any], depth: int) -> NDArray[np.bool_]:
    """The same around the circle in the image, a little inside its ragged edge."""
    rows, columns = hu.shape
    outermost = min(rows, columns) / 2 - RAGGED_EDGE
    angle = np.linspace(0, 2 * np.pi, STEPS_PER_TURN, endpoint=False)
    radius = np.arange(outermost - depth, outermost)[:, None]
    row = np.rint(rows / 2 - 0.5 + radius * np.sin(angle)).astype(int)
    column = np.rint(columns / 2 - 0.5 + radius * np.cos(angle)).astype(int)
    return np.asarray(hu[row, column].min(axis=0) > TISSUE_FROM_HU)


def _runs(flags: NDArray[np.bool_]) -> Iterator[int]:
    """Lengths of the runs of True in a ring."""
    if flags.all():
        yield len(flags)
        return
    start = int(np.argmin(flags))
    for flag, group in groupby(np.roll(flags, -start)):
        if flag:
            yield sum(1 for _ in group)
