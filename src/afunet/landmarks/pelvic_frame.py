"""The frame of a pelvis, found from its sockets and then from its anterior pelvic plane."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afunet.landmarks.extremes import extreme
from afunet.landmarks.frame import Frame
from afunet.landmarks.spheres import Sphere, found_spheres
from afunet.landmarks.vectors import across, angle_deg, unit
from afunet.reconstruction.surface_points import SurfacePoints

FloatArray = NDArray[np.float64]

SOCKET_RADII_MM = (14.0, 36.0)
SOCKET_COVERED, CANDIDATES = 0.2, 10
APART = (5.0, 11.0)
"""Distance of the centres of both sockets in their radii."""
ALIKE = 0.2
"""Sockets of one pelvis differ in their radii by less than this share."""
FEW_POINTS = 20_000
ROUNDS, STILL_DEG = 20, 1e-3
FRONT = np.array([0.0, -1.0, 0.0])
SPINE_OUT, SPINE_UP, PUBIS_OUT = 0.35, 0.15, (0.05, 0.3)
"""How far out from the midline the iliac spines and the pubis lie, and how far up from the sockets'
centres the spines lie, in distances of the sockets."""


@dataclass(frozen=True, eq=False)
class PelvicFrame:
    """Sockets, anterior superior iliac spines, foremost points of the pubis: each left, then right.

    The frame's origin is midway between the spines; its axes are to the left, to the back and up:
    the left one joins the spines, the back one is normal to the anterior pelvic plane.
    """

    frame: Frame
    sockets: tuple[Sphere, Sphere]
    spines: tuple[FloatArray, FloatArray]
    pubis: tuple[FloatArray, FloatArray]

    @property
    def apart_mm(self) -> float:
        """The distance of the centres of both sockets."""
        return float(np.linalg.norm(self.sockets[0].centre_mm - self.sockets[1].centre_mm))


def found_pelvic_frame(surface: SurfacePoints) -> PelvicFrame | None:
    """The frame of a whole pelvis in any position, or None if two like sockets are not found."""
    pair = _sockets(surface)
    if pair is None:
        return None
    frame = _first_frame(surface.points_mm, pair)
    if frame.own(pair[0].centre_mm)[0] < 0:
        pair = pair[1], pair[0]
    apart = float(np.linalg.norm(pair[0].centre_mm - pair[1].centre_mm))
    for _ in range(ROUNDS):
        own = frame.own(surface.points_mm)
        middle = frame.own((pair[0].centre_mm + pair[1].centre_mm) / 2)
        out, up = (own[:, 0] - middle[0]) / apart, own[:, 2] - middle[2]
        spines = tuple(
            frame.back(extreme(own[(side * out > SPINE_OUT) & (up > SPINE_UP * apart)], FRONT))
            for side in (1, -1)
        )
        low, high = PUBIS_OUT
        pubis = tuple(
            frame.back(extreme(own[(side * out > low) & (side * out < high) & (up < 0)], FRONT))
            for side in (1, -1)
        )
        turned = _plane(spines, pubis)
        moved = angle_deg(turned.posterior, frame.posterior) + angle_deg(
            turned.lateral, frame.lateral
        )
        frame = turned
        if moved < STILL_DEG:
            break
    return PelvicFrame(frame, pair, (spines[0], spines[1]), (pubis[0], pubis[1]))


def _plane(spines: tuple[FloatArray, ...], pubis: tuple[FloatArray, ...]) -> Frame:
    middle, low = (spines[0] + spines[1]) / 2, (pubis[0] + pubis[1]) / 2
    left = unit(spines[0] - spines[1])
    return Frame.of(middle, across(middle - low, left), left)


def _sockets(surface: SurfacePoints) -> tuple[Sphere, Sphere] | None:
    found = found_spheres(surface.fewer(FEW_POINTS), SOCKET_RADII_MM, hollow=True, count=CANDIDATES)
    found = [one for one in found if one.covered > SOCKET_COVERED]
    best: tuple[float, Sphere, Sphere] | None = None
    for number, one in enumerate(found):
        for other in found[:number]:
            radius = (one.radius_mm + other.radius_mm) / 2
            apart = float(np.linalg.norm(one.centre_mm - other.centre_mm)) / radius
            alike = abs(one.radius_mm - other.radius_mm) < ALIKE * radius
            score = min(one.covered, other.covered) * radius
            if alike and APART[0] < apart < APART[1] and (best is None or score > best[0]):
                best = score, one, other
    return None if best is None else (best[1], best[2])


def _first_frame(points_mm: FloatArray, pair: tuple[Sphere, Sphere]) -> Frame:
    """Roughly left, back and up: most bone lies behind the sockets and above them.

    The sense of left follows from the other two, so that a pelvis may lie in any position.
    """
    middle = (pair[0].centre_mm + pair[1].centre_mm) / 2
    side = unit(pair[0].centre_mm - pair[1].centre_mm)
    out = points_mm - middle
    flat = out - (out @ side)[:, None] * side
    near = flat[np.abs(out @ side) < 0.2 * np.linalg.norm(pair[0].centre_mm - pair[1].centre_mm)]
    back = unit(_behind(flat, near))
    up = np.cross(side, back)
    if float((flat @ up).max()) < float(-(flat @ up).min()):
        up = -up
    return Frame.of(middle, up, np.cross(back, up))


def _behind(flat: FloatArray, near: FloatArray) -> FloatArray:
    """From the iliac crests, which are furthest away, towards the sacrum, near the midline."""
    crest = unit(flat[np.argmax(np.linalg.norm(flat, axis=1))])
    return across(near[near @ crest > 0].mean(axis=0), crest)
