"""Bones that the shape models lack, as capsules of about their size: foot, spine, ribs, arm."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from afunet.phantom.shapes.arrays import FloatArray, Rng
from afunet.phantom.shapes.capsules import Capsule


def foot(rng: Rng) -> list[Capsule]:
    """The bones of a left foot with the ankle at (0, 0, 0) and the toes to the front (-y)."""
    size = rng.uniform(0.85, 1.15)
    bones: list[tuple[tuple[float, ...], tuple[float, ...], float]] = [
        ((0, 8, -20), (-3, -16, -24), 13),  # talus
        ((2, 32, -42), (5, -8, -42), 14),  # calcaneus
        ((-12, -32, -28), (2, -30, -26), 9),  # navicular
        ((14, -20, -42), (12, -40, -42), 9),  # cuboid
    ]
    bones += [((x, -42, -32), (x - 1, -52, -34), 7) for x in (-14, -5, 4)]  # cuneiforms
    for ray in range(5):
        x, spread = -14 + 7.5 * ray, -22 + 11.0 * ray
        head = -122.0 + 6 * max(ray - 1, 0)
        thick = 8 if ray == 0 else 5
        bones.append(((x, -58, -36), (spread, head, -56), thick))
        bones.append(((spread, head - 12, -60), (spread, head - 32, -60), thick - 1))
        bones.append(((spread, head - 40, -62), (spread, head - 48, -62), thick - 2))
    return [_capsule(start, end, radius, size, rng) for start, end, radius in bones]


def spine(base_mm: FloatArray, rng: Rng) -> list[Capsule]:
    """Vertebrae with their processes, from the sacrum's base upwards."""
    bones: list[Capsule] = []
    size = rng.uniform(0.9, 1.15)
    for level in range(10):
        middle = base_mm + size * np.array([0, -2.0 * level, 20 + 36.0 * level])
        parts: list[tuple[tuple[float, ...], tuple[float, ...], float]] = [
            ((-8, 0, -2), (8, 0, 2), 18),
            ((0, 25, 0), (0, 55, -12), 5),
            ((-35, 25, 0), (35, 25, 0), 6),
        ]
        for start, end, radius in parts:
            part = _capsule(start, end, radius, size, rng)
            bones.append(Capsule(part.start_mm + middle, part.end_mm + middle, part.radius_mm))
    return bones


def ribs(base_mm: FloatArray, rng: Rng) -> list[Capsule]:
    """Ribs as arcs around the trunk, from above the kidneys upwards."""
    width, depth = rng.uniform(110, 150), rng.uniform(75, 105)
    bones = []
    for level in range(7):
        height = 130 + 27 * level
        for outward in (-1.0, 1.0):
            angles = np.deg2rad(np.linspace(15, 100 + 8 * level, 9))
            arc = base_mm + np.stack(
                [
                    outward * width * np.sin(angles),
                    depth * np.cos(angles) - depth + 30,
                    height - 25 * angles,
                ],
                axis=-1,
            )
            bones += [Capsule(a, b, 4.5) for a, b in pairwise(arc)]
    return bones


def arm(base_mm: FloatArray, outward: float, rng: Rng) -> list[Capsule]:
    """Humerus, forearm and hand beside the trunk or bent over the belly; +1 left, -1 right."""
    shoulder = base_mm + np.array([outward * rng.uniform(170, 230), rng.uniform(-60, 10), 380.0])
    elbow = shoulder + np.array([outward * rng.uniform(0, 40), rng.uniform(-20, 30), -300.0])
    if rng.random() < 0.7:
        reach = np.array([-outward * rng.uniform(-10, 60), rng.uniform(-60, 10), -250.0])
    else:
        reach = np.array([-outward * 200.0, -110.0, rng.uniform(-60, 60)])
    wrist = elbow + reach
    along = reach / np.linalg.norm(reach)
    aside = np.cross(along, (0, 1.0, 0))
    bones = [
        Capsule(shoulder, elbow, 12.0),
        Capsule(elbow + 10 * aside, wrist + 12 * aside, 7.0),
        Capsule(elbow - 10 * aside, wrist - 12 * aside, 7.0),
    ]
    for finger in range(5):
        start = wrist + 15 * along + (finger - 2) * 10 * aside
        bones += [
            Capsule(start, start + 60 * along, 5.0),
            Capsule(start + 70 * along, start + 105 * along, 4.5),
        ]
    return bones


def _capsule(
    start: Sequence[float], end: Sequence[float], radius: float, size: float, rng: Rng
) -> Capsule:
    """A capsule with randomly varied ends and thickness."""
    shifts = rng.normal(0, 1.5, (2, 3))
    thick = radius * rng.uniform(0.85, 1.15)
    return Capsule(
        size * (np.array(start) + shifts[0]), size * (np.array(end) + shifts[1]), size * thick
    )
