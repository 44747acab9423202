"""The score of one predicted slice: pixel counts, small pieces found, and stray bone."""

from __future__ import annotations

from dataclasses import dataclass

import cc3d
import numpy as np
from numpy.typing import NDArray

from afunet.evaluation.overlap import Counts, count

SMALL_PIECE_PX = 400  # about 1 cm² at 0.5 mm


@dataclass(frozen=True)
class SliceScore:
    """The pixel counts and pieces of a slice; a piece is an 8-connected component.

    `small_pieces` counts true pieces of less than `SMALL_PIECE_PX`, `small_found` those of which
    at least half the pixels were predicted. `stray_px` counts the pixels of predicted pieces that
    do not touch true bone; on a slice without bone, all predicted pixels.
    """

    case: str
    patient: str
    level: int
    counts: Counts
    small_pieces: int
    small_found: int
    stray_px: int

    @property
    def has_bone(self) -> bool:
        """Whether there is bone in the ground truth."""
        return self.counts.true_positive + self.counts.false_negative > 0


def score_slice(
    predicted: NDArray[np.bool_], truth: NDArray[np.bool_], *, case: str, patient: str, level: int
) -> SliceScore:
    """Score a slice (H, W) of 0/1; `InputError` if the shapes differ."""
    counts = count(predicted, truth)
    small, found = _small_pieces(predicted, truth)
    return SliceScore(case, patient, level, counts, small, found, _stray_px(predicted, truth))


def piece_sizes(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Number of pixels of each 8-connected piece of (H, W), in no particular order."""
    return np.bincount(_pieces(mask).ravel())[1:]


def _small_pieces(predicted: NDArray[np.bool_], truth: NDArray[np.bool_]) -> tuple[int, int]:
    pieces = _pieces(truth)
    sizes = np.bincount(pieces.ravel())
    hits = np.bincount(pieces[predicted], minlength=len(sizes))
    small = sizes < SMALL_PIECE_PX
    small[0] = False
    return int(small.sum()), int((small & (2 * hits >= sizes)).sum())


def _stray_px(predicted: NDArray[np.bool_], truth: NDArray[np.bool_]) -> int:
    pieces = _pieces(predicted)
    sizes = np.bincount(pieces.ravel())
    touching = np.bincount(pieces[truth], minlength=len(sizes)) > 0
    touching[0] = True
    return int(sizes[~touching].sum())


def _pieces(mask: NDArray[np.bool_]) -> NDArray[np.uint32]:
    labels: NDArray[np.uint32] = cc3d.connected_components(mask, connectivity=8)
    return labels
