"""A bone with its fragments."""

from __future__ import annotations

from dataclasses import dataclass

from afunet.geometry import Volume


@dataclass(frozen=True, eq=False)
class BrokenBone:
    """The CT of one bone and its fragments, on one grid (slice, row, column).

    `hu` is float32 in HU; only voxels inside the bone count, others may be 0. `fragments` is uint8:
    0 outside the bone, then the fragments from 1, the largest first. Fragments touch wherever bone
    touches bone. An intact bone has one.
    """

    hu: Volume
    fragments: Volume
