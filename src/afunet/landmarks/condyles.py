"""The condyles of a femur: posterior, distal and proximoposterior points, notch, epicondyles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from afunet.landmarks.extremes import extreme, widest_pair
from afunet.landmarks.frame import Frame
from afunet.landmarks.vectors import angle_deg

FloatArray = NDArray[np.float64]

OUT, BACK, DOWN = np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), np.array([0, 0, -1.0])
UP_AND_BACK = np.array([0.0, 0.5, 0.5]) ** 0.5
END, SIDE, MIDDLE, NOTCH_STEP_MM = 0.12, 0.08, 0.3, 1.0
"""Part of the bone's length that is its distal end; parts of its width beside the midline that
belong to no condyle, and that the notch may lie in."""
EPICONDYLES = (0.2, 1.2)
"""Heights above the joint line between which the epicondyles lie, in distances of the condyles."""
BEHIND = 0.4
"""How near the back a proximoposterior point lies, in distances of the condyles."""
NOTCH_COLUMNS, CLEFT_HALF_MM = 7, 4.0
ROUNDS, STILL_DEG = 12, 1e-3


@dataclass(frozen=True, eq=False)
class Condyles:
    """Points (3,) in mm, and the frame of the femur that they give.

    Its origin is the centre of the head, its proximal axis comes from the notch, and its lateral
    axis lies in the plane of that axis and the posterior condylar line.
    """

    frame: Frame
    posterior: tuple[FloatArray, FloatArray]
    distal: tuple[FloatArray, FloatArray]
    proximoposterior: tuple[FloatArray, FloatArray]
    notch: FloatArray
    epicondyles: tuple[FloatArray, FloatArray]
    """Each lateral, then medial."""
    cleft_mm: float
    """How deep the end is cleft between the posterior condyles."""


@dataclass(frozen=True, eq=False)
class _End:
    """The distal end in a frame: points of the lateral condyle, the medial one, between them."""

    lateral: FloatArray
    medial: FloatArray
    between: FloatArray

    @classmethod
    def of(cls, own_mm: FloatArray, length_mm: float) -> _End:
        end = own_mm[own_mm[:, 2] < own_mm[:, 2].min() + END * length_mm]
        low, high = np.quantile(end[:, 0], (0.002, 0.998))
        side = (end[:, 0] - (low + high) / 2) / (high - low)
        return cls(end[side > SIDE], end[side < -SIDE], end[np.abs(side) < MIDDLE])

    def both(self, direction: FloatArray) -> tuple[FloatArray, FloatArray]:
        return extreme(self.lateral, direction), extreme(self.medial, direction)


def found_condyles(points_mm: FloatArray, frame: Frame, length_mm: float) -> Condyles:
    """The condyles of a whole femur from points (N, 3) and a first frame about the head's centre.

    The frame is turned to the condyles and the condyles are found in it again, until both agree.
    """
    for _ in range(ROUNDS):
        own = frame.own(points_mm)
        end = _End.of(own, length_mm)
        posterior, distal = end.both(BACK), end.both(DOWN)
        notch = _notch(end.between, distal)
        found = Condyles(
            Frame.of(
                frame.origin_mm,
                frame.origin_mm - frame.back(notch),
                frame.back(posterior[0]) - frame.back(posterior[1]),
            ),
            _back(frame, posterior),
            _back(frame, distal),
            _back(frame, _proximoposterior(end, posterior)),
            frame.back(notch),
            _back(frame, _epicondyles(own, posterior, distal)),
            _cleft_mm(end.between, posterior),
        )
        moved = angle_deg(found.frame.lateral, frame.lateral)
        if moved + angle_deg(found.frame.proximal, frame.proximal) < STILL_DEG:
            break
        frame = found.frame
    return found


def _back(frame: Frame, pair: tuple[FloatArray, FloatArray]) -> tuple[FloatArray, FloatArray]:
    return frame.back(pair[0]), frame.back(pair[1])


def _notch(between: FloatArray, distal: tuple[FloatArray, FloatArray]) -> FloatArray:
    """The highest point between both condyles of the lower outline, smoothed over 7 mm."""
    inside = between[(between[:, 0] > distal[1][0]) & (between[:, 0] < distal[0][0])]
    column = np.round(inside[:, 0] / NOTCH_STEP_MM).astype(int)
    order = np.lexsort((inside[:, 2], column))
    lowest = inside[order][np.unique(column[order], return_index=True)[1]]
    smooth = uniform_filter1d(lowest, NOTCH_COLUMNS, axis=0, mode="nearest")
    return np.asarray(smooth[np.argmax(smooth[:, 2])])


def _cleft_mm(between: FloatArray, posterior: tuple[FloatArray, FloatArray]) -> float:
    lateral, medial = posterior
    middle = (lateral + medial) / 2
    across_mm, _, up_mm = np.abs(between - middle).T
    inside = between[(across_mm < CLEFT_HALF_MM) & (up_mm < CLEFT_HALF_MM)]
    return float(middle[1] - inside[:, 1].max()) if len(inside) else float("inf")


def _epicondyles(
    own: FloatArray,
    posterior: tuple[FloatArray, FloatArray],
    distal: tuple[FloatArray, FloatArray],
) -> tuple[FloatArray, FloatArray]:
    joint = (distal[0][2] + distal[1][2]) / 2
    apart = posterior[0][0] - posterior[1][0]
    height = (own[:, 2] - joint) / apart
    region = own[(height > EPICONDYLES[0]) & (height < EPICONDYLES[1])]
    middle = (posterior[0][0] + posterior[1][0]) / 2
    lateral = region[:, 0] > middle
    return widest_pair(region[lateral], region[~lateral], OUT)


def _proximoposterior(
    end: _End, posterior: tuple[FloatArray, FloatArray]
) -> tuple[FloatArray, FloatArray]:
    """The furthest points halfway between up and back, near the back of each condyle."""
    near_mm = BEHIND * float(np.linalg.norm(posterior[0] - posterior[1]))
    first, second = (
        extreme(side[side[:, 1] > back[1] - near_mm], UP_AND_BACK)
        for side, back in zip((end.lateral, end.medial), posterior, strict=True)
    )
    return first, second
