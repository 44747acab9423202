"""Landmarks that were found, against those that people marked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Marks = Mapping[str, Mapping[str, FloatArray]]
"""Landmark → rater → the rater's marks (N, 3) in mm; a mark may be NaN."""


@dataclass(frozen=True)
class LandmarkScore:
    """How far a landmark is from the mean of the raters, and how far one rater is on average, mm.

    `found_mm` is None for a landmark that was not found.
    """

    landmark: str
    found_mm: float | None
    rater_mm: float
    raters: int


def score_landmarks(found: Mapping[str, FloatArray], marks: Marks) -> tuple[LandmarkScore, ...]:
    """A score for each landmark that at least one rater marked.

    The reference is the mean of the raters' means, so that each rater counts alike.
    """
    scores = []
    for landmark, by_rater in marks.items():
        whole = [points[~np.isnan(points).any(axis=1)] for points in by_rater.values()]
        means = [points.mean(axis=0) for points in whole if len(points)]
        if not means:
            continue
        reference = np.mean(means, axis=0)
        raters_mm = np.linalg.norm(np.array(means) - reference, axis=1)
        point = found.get(landmark)
        found_mm = None if point is None else float(np.linalg.norm(point - reference))
        scores.append(LandmarkScore(landmark, found_mm, float(raters_mm.mean()), len(means)))
    return tuple(scores)
