"""Objects in masks that are not leg bones: arms, ribs, spine, skull, implants, lumps, shells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from afunet.phantom.shapes.arrays import FloatArray, Rng
from afunet.phantom.shapes.capsules import Capsule
from afunet.phantom.shapes.solids import CapsuleSolid
from afunet.phantom.views.limb_cuts import LimbBone
from afunet.phantom.views.points import OTHER
from afunet.phantom.views.rough_bones import ribs, spine

ORIGIN = np.zeros(3)


def draw_not_leg(rng: Rng) -> list[LimbBone]:
    """A random kind of object, around (0, 0, 0)."""
    draw = KINDS[list(KINDS)[int(rng.integers(len(KINDS)))]]
    return draw(rng)


def beside_trunk(base_mm: FloatArray, rng: Rng) -> list[LimbBone]:
    """Some or none of spine, ribs and arms, in their places relative to the sacrum's base."""
    found: list[LimbBone] = []
    if rng.random() < 0.6:
        found += [_other([one]) for one in spine(base_mm, rng)]
    if rng.random() < 0.3:
        found += [_other([one]) for one in ribs(base_mm, rng)]
    for outward in (-1.0, 1.0):
        if rng.random() < 0.35:
            shoulder_mm = base_mm + np.array([outward * rng.uniform(170, 230), 0, 380])
            found += upper_limb(shoulder_mm, outward, rng)
    return found


def upper_limb(shoulder_mm: FloatArray, outward: float, rng: Rng) -> list[LimbBone]:
    """Humerus with its head and flare, radius, ulna and hand; `outward` is +1 left, -1 right."""
    size = rng.uniform(0.85, 1.15)
    elbow = shoulder_mm + size * np.array(
        [outward * rng.uniform(0, 40), rng.uniform(-30, 30), -310]
    )
    reach = np.array([outward * rng.uniform(-40, 40), rng.uniform(-120, 10), -240.0])
    wrist = elbow + size * 250 * reach / np.linalg.norm(reach)
    head = shoulder_mm + size * np.array([-outward * 18, 5, 4])
    humerus = _shaft(shoulder_mm, elbow, size * np.array([20, 16, 12, 11, 11, 12, 14]))
    humerus += [Capsule(head, head, 23 * size)]
    flare = size * np.array([26.0, 0, 0])
    humerus += [Capsule(elbow - flare, elbow + flare, 10 * size)]
    aside = np.array([outward * 11 * size, 4.0, 0])
    radius = _shaft(
        elbow + aside - [0, 0, 22], wrist + 1.4 * aside, size * np.array([10, 7, 7, 8, 9, 15])
    )
    ulna = _shaft(
        elbow - aside + [0, 14, 12], wrist - 0.8 * aside, size * np.array([14, 12, 8, 7, 6, 8])
    )
    return [_other(part) for part in (humerus, radius, ulna)] + _hand(wrist, reach, rng)


def _hand(wrist: FloatArray, reach: FloatArray, rng: Rng) -> list[LimbBone]:
    along = reach / np.linalg.norm(reach)
    aside = np.cross(along, (0, 1.0, 0))
    bones = []
    for index in range(8):
        at = wrist + (12 + 14 * (index // 4)) * along + (index % 4 - 1.5) * 13 * aside
        bones.append(_other([Capsule(at, at + rng.normal(0, 3, 3), rng.uniform(5, 8))]))
    for finger in range(5):
        start = wrist + 40 * along + (finger - 2) * 15 * aside
        for near, far, thick in ((0, 50, 5.0), (58, 88, 4.5), (94, 112, 4.0), (117, 128, 3.5)):
            bones.append(_other([Capsule(start + near * along, start + far * along, thick)]))
    return bones


def _one_arm(rng: Rng) -> list[LimbBone]:
    outward = float(rng.choice([-1.0, 1.0]))
    return upper_limb(ORIGIN, outward, rng)


def _both_arms(rng: Rng) -> list[LimbBone]:
    return upper_limb(np.array([200.0, 0, 0]), 1.0, rng) + upper_limb(
        np.array([-200.0, 0, 0]), -1.0, rng
    )


def _trunk(rng: Rng) -> list[LimbBone]:
    bones = [_other([one]) for one in spine(ORIGIN, rng)] + [
        _other([one]) for one in ribs(ORIGIN, rng)
    ]
    for outward in (-1.0, 1.0):
        if rng.random() < 0.5:
            bones += upper_limb(np.array([outward * 200, 0, 380]), outward, rng)
    return bones


def _spine(rng: Rng) -> list[LimbBone]:
    parts = spine(ORIGIN, rng)
    return [_other(parts[3 * level : 3 * level + 3]) for level in range(len(parts) // 3)]


def _lumps(rng: Rng) -> list[LimbBone]:
    found = []
    for _ in range(int(rng.integers(1, 6))):
        at, size = rng.normal(0, 60, 3), np.exp(rng.uniform(np.log(8), np.log(35)))
        parts = [
            Capsule(at + rng.normal(0, size / 2, 3), at, size * rng.uniform(0.5, 1))
            for _ in range(3)
        ]
        found.append(_other(parts))
    return found


def _shells(rng: Rng) -> list[LimbBone]:
    """Hollow objects: skulls, walls of cysts, casts."""
    size = np.exp(rng.uniform(np.log(20), np.log(90)))
    along = rng.normal(0, 1, 3) * size * rng.uniform(0, 1.5)
    return [_other([Capsule(-along, along, size)], wall_mm=rng.uniform(2, 8))]


def _implants(rng: Rng) -> list[LimbBone]:
    """Nails, plates, screws and stems with a head."""
    found = []
    for _ in range(int(rng.integers(1, 4))):
        at, along = rng.normal(0, 50, 3), np.array([rng.normal(0, 0.15), rng.normal(0, 0.15), 1.0])
        length = np.exp(rng.uniform(np.log(30), np.log(400)))
        rod = Capsule(at, at + along * length, rng.uniform(2, 8))
        parts = [rod]
        if rng.random() < 0.4:
            parts.append(Capsule(rod.end_mm, rod.end_mm, rng.uniform(11, 18)))
        if rng.random() < 0.4:
            aside = np.array([rng.uniform(5, 12), 0, 0])
            parts.append(Capsule(at + aside, at + aside + along * length, rod.radius_mm))
        found.append(_other(parts))
    return found


KINDS: dict[str, Callable[[Rng], list[LimbBone]]] = {
    "arm": _one_arm,
    "arms": _both_arms,
    "trunk": _trunk,
    "spine": _spine,
    "lumps": _lumps,
    "shells": _shells,
    "implants": _implants,
}
"""All kinds that can be drawn."""


def _shaft(start: FloatArray, end: FloatArray, radii_mm: FloatArray) -> list[Capsule]:
    """A rod of changing thickness."""
    places = np.linspace(start, end, len(radii_mm))
    parts = []
    for (a, b), (thick, thin) in zip(pairwise(places), pairwise(radii_mm), strict=True):
        middle = (a + b) / 2
        parts += [Capsule(a, middle, float(thick)), Capsule(middle, b, float(thick + thin) / 2)]
    return parts


def _other(capsules: Sequence[Capsule], wall_mm: float = np.inf) -> LimbBone:
    return LimbBone(OTHER, "", CapsuleSolid(capsules, wall_mm))
