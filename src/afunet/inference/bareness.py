"""Find small pieces that are surrounded by air: bone has soft tissue around it, a wire has not."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from afunet.geometry import Box, Volume

TISSUE_HU = -200.0
LARGEST_MM3 = 2000.0  # a whole bone may be scanned without soft tissue: remove only small pieces
NEAR_MM, FAR_MM = 1.5, 4.0
LEAST_COVERED = 0.25


def bare_pieces(
    pieces: NDArray[Any], sizes: NDArray[np.int64], scan: Volume, box: Box
) -> NDArray[np.bool_]:
    """Whether each label of `pieces` is small and mostly surrounded by air, (labels,).

    `pieces` (slice, row, column) fills `box` of the HU volume `scan`; `sizes` holds the number of
    voxels of each label. The surroundings are the pixels 1.5 to 4 mm from the piece, in its slices.
    """
    bare = np.zeros(len(sizes), dtype=np.bool_)
    small = sizes * scan.voxel_volume_mm3 < LARGEST_MM3
    for label, place in enumerate(ndimage.find_objects(pieces), start=1):
        if place is not None and small[label]:
            covered = _share_covered(pieces[place] == label, place, scan, box)
            bare[label] = covered < LEAST_COVERED
    return bare


def _share_covered(piece: NDArray[np.bool_], place: Box, scan: Volume, box: Box) -> float:
    """Share of the piece's surroundings that is denser than air."""
    column_mm, row_mm, _ = scan.spacing_mm
    margins = (0, int(np.ceil(FAR_MM / row_mm)), int(np.ceil(FAR_MM / column_mm)))
    starts = [outer.start + inner.start for outer, inner in zip(box, place, strict=True)]
    window, padding = [], []
    for start, size, margin, limit in zip(starts, piece.shape, margins, scan.shape, strict=True):
        low, high = max(0, start - margin), min(limit, start + size + margin)
        window.append(slice(low, high))
        padding.append((start - low, high - start - size))
    local = np.pad(piece, padding)
    distance = np.stack(
        [
            ndimage.distance_transform_edt(~plane, (row_mm, column_mm))
            if plane.any()
            else np.full(plane.shape, np.inf)
            for plane in local
        ]
    )
    # If the pixels are coarse, the nearest ring of neighbours counts, however far away it is.
    far_mm = max(FAR_MM, 1.01 * row_mm, 1.01 * column_mm)
    around = (distance > NEAR_MM) & (distance <= far_mm)
    if not around.any():
        return 1.0
    return float((scan.voxels[tuple(window)][around] > TISSUE_HU).mean())
