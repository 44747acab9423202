"""Slices at the same position: copies are left out, anything else is refused."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from afunet.errors import GeometryError
from afunet.findings import Finding, repaired
from afunet.formats.dicom.pixels import read_hu
from afunet.formats.dicom.placement import FloatArray, Placement, instance

# Exports round positions to a tenth of a millimetre.
SAME_POSITION_MM = 0.1 + 1e-6
EXACT_MM = 1e-3


def same_position_mm(along_mm: FloatArray) -> float:
    """Return the distance up to which two slices lie at the same place, from sorted positions.

    It is a tenth of a millimetre if that separates the places, as it does for CT, and a thousandth
    if slices lie closer than that.
    """
    steps_mm = np.diff(along_mm)
    starts = np.flatnonzero(np.concatenate([[True], steps_mm > SAME_POSITION_MM]))
    places_mm = np.split(along_mm, starts[1:])
    apart_mm = np.array([after[0] - before[-1] for before, after in pairwise(places_mm)])
    narrow = all(place[-1] - place[0] <= SAME_POSITION_MM for place in places_mm)
    told_apart = len(apart_mm) > 0 and apart_mm.min() >= 2 * SAME_POSITION_MM
    return SAME_POSITION_MM if narrow and told_apart else EXACT_MM


def without_copies(placement: Placement) -> tuple[Placement, tuple[Finding, ...]]:
    """Keep one slice for each position.

    Raises `GeometryError` if two different images lie at one position and nothing in their headers
    distinguishes them.
    """
    kept = [0]
    along_mm = placement.along_mm
    tolerance_mm = same_position_mm(along_mm)
    for index in range(1, len(along_mm)):
        if along_mm[index] - along_mm[kept[-1]] > tolerance_mm:
            kept.append(index)
        elif not _same_image(placement, kept[-1], index, tolerance_mm):
            first, second = placement.headers[kept[-1]], placement.headers[index]
            raise GeometryError(
                f"two different images lie at {placement.named(index)} ({instance(first)} and "
                f"{instance(second)}): remove one, or separate the phases",
                code="SAME_POSITION",
            )
    dropped = len(along_mm) - len(kept)
    if not dropped:
        return placement, ()
    message = f"{dropped} of {len(along_mm)} files are copies of other slices"
    return placement.only(kept), (repaired("DUPLICATE_SLICES", message, "left out"),)


def _same_image(placement: Placement, first: int, second: int, tolerance_mm: float) -> bool:
    """Whether both show the same values on the same pixels."""
    one, other = placement.headers[first], placement.headers[second]
    apart = np.abs(placement.origins_mm[first] - placement.origins_mm[second]).max()
    if apart > tolerance_mm or one.grid != other.grid:
        return False
    return np.array_equal(read_hu(one, "a doubled slice"), read_hu(other, "a doubled slice"))
