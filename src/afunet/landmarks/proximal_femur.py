"""The upper end of a femur: poles of the head, trochanters."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from afunet.landmarks.extremes import extreme
from afunet.landmarks.frame import Frame
from afunet.landmarks.neck import Neck
from afunet.landmarks.results import Line
from afunet.landmarks.spheres import Sphere
from afunet.landmarks.vectors import across, unit

FloatArray = NDArray[np.float64]

POLES: Mapping[str, tuple[float, float, float]] = {
    "Superior Femoral Head (SFH)": (0, 0, 1),
    "Anterior Femoral Head (AFH)": (0, -1, 0),
    "Posterior Femoral Head (PFH)": (0, 1, 0),
    "Medial Femoral Head (MFH)": (-1, 0, 0),
    "Inferior Femoral Head (IFH)": (0, 0, -1),
}
REACHED_MM = 3.0
"""A pole of the sphere is on the head if the surface comes so near."""
BEYOND_NECK = 0.4
"""The trochanters begin so far beyond the neck's narrowest section, in head radii."""
LESSER_DEG, LESSER_HALF_DEG = 42.0, 25.0
"""Where the lesser trochanter lies about the shaft: behind medial, and how far from there."""
LESSER_HEIGHT = (-3.4, -1.7)
"""Heights above the head's centre, in head radii."""


def head_poles(head: Sphere, points_mm: FloatArray, frame: Frame) -> dict[str, FloatArray]:
    """The poles of the head's sphere in the femur's directions, as far as the surface reaches them.

    `points_mm` are those in which the sphere was found.
    """
    poles = {
        name: head.centre_mm + head.radius_mm * np.array(way, float) @ frame.axes
        for name, way in POLES.items()
    }
    on = points_mm[head.on]
    return {
        name: pole
        for name, pole in poles.items()
        if np.linalg.norm(on - pole, axis=1).min() < REACHED_MM
    }


def greater_trochanter(own_mm: FloatArray, neck: Neck, radius_mm: float) -> FloatArray:
    """The most proximal point beyond the neck; points (N, 3) are in the frame of the head."""
    section_mm = float(np.linalg.norm(neck.centre))
    beyond = own_mm @ neck.axis > section_mm + BEYOND_NECK * radius_mm
    return extreme(own_mm[beyond], np.array([0.0, 0.0, 1.0]))


def lesser_trochanter(
    points_mm: FloatArray, frame: Frame, shaft: Line, radius_mm: float
) -> FloatArray:
    """The point furthest from the shaft's axis, behind medial below the neck."""
    height = frame.own(points_mm)[:, 2] / radius_mm
    near = points_mm[(height > LESSER_HEIGHT[0]) & (height < LESSER_HEIGHT[1])]
    medial = unit(across(-frame.lateral, shaft.direction))
    behind = unit(np.cross(medial, shaft.direction))
    behind = behind if behind @ frame.posterior > 0 else -behind
    out = near - shaft.point_mm
    first, second = out @ medial, out @ behind
    angle = np.degrees(np.arctan2(second, first))
    there = np.abs(angle - LESSER_DEG) < LESSER_HALF_DEG
    furthest = np.argmax(np.hypot(first, second)[there])
    way = unit(first[there][furthest] * medial + second[there][furthest] * behind)
    return extreme(near[there], way)


def section_centre(own_mm: FloatArray, height_mm: float, half_mm: float = 1.5) -> FloatArray:
    """The centre of the bounding box of a section across the proximal axis."""
    section = own_mm[np.abs(own_mm[:, 2] - height_mm) < half_mm]
    low, high = section.min(axis=0), section.max(axis=0)
    return np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, height_mm])
