"""Drawing the courses of the arteries and veins in leg and trunk."""

from __future__ import annotations

import numpy as np

from afunet.phantom.config import Angiogram
from afunet.phantom.shapes.arrays import FloatArray, Rng
from afunet.phantom.tissue.vessels import Tube

# Courses by height above the knee (mm): across (outwards) and behind, as shares of the fascia's
# radius, and the radius in mm of an adult's artery. By eye from anatomy atlases.
_ARTERIES = {
    "femoral": (
        (-70, 0.02, 0.40, 2.6),
        (0, 0.0, 0.50, 2.9),
        (60, -0.05, 0.50, 3.1),
        (120, -0.25, 0.25, 3.3),
        (250, -0.35, -0.22, 3.6),
        (400, -0.12, -0.58, 4.4),
        (520, 0.0, -0.66, 4.6),
    ),
    "deep femoral": (
        (110, 0.02, 0.20, 1.0),
        (250, -0.05, 0.08, 1.8),
        (330, -0.10, -0.20, 2.4),
        (400, -0.10, -0.52, 3.0),
    ),
    "anterior tibial": (
        (-420, -0.05, -0.72, 1.0),
        (-330, 0.05, -0.55, 1.2),
        (-200, 0.28, -0.22, 1.5),
        (-95, 0.18, 0.12, 1.8),
        (-70, 0.02, 0.38, 2.0),
    ),
    "posterior tibial": (
        (-420, -0.6, 0.3, 1.0),
        (-330, -0.5, 0.32, 1.2),
        (-200, -0.2, 0.30, 1.5),
        (-70, -0.03, 0.40, 2.0),
    ),
    "peroneal": (
        (-400, 0.35, 0.4, 0.7),
        (-330, 0.3, 0.35, 1.0),
        (-200, 0.25, 0.25, 1.4),
        (-70, 0.05, 0.42, 1.9),
    ),
}
_SKIN_VEINS = (
    ((-400, -0.95, -0.3, 1.3), (0, -1.02, 0.35, 1.8), (300, -0.9, -0.55, 2.2)),
    ((-400, 0.6, 0.85, 1.0), (-200, 0.1, 1.08, 1.4), (-10, 0.05, 1.0, 1.6)),
)
# Courses in the trunk: parts of the pelvis's height, x and y in mm on an adult's left side.
_ILIAC = ((0.2, 82, -52, 4.0), (0.42, 80, -46, 4.3), (0.6, 68, -36, 4.5), (0.76, 52, -10, 4.8))
_COMMON = ((0.86, 36, -12, 5.2), (0.98, 9, -19, 6.0))
_INNER = ((0.4, 62, 46, 1.5), (0.6, 46, 28, 2.4), (0.76, 50, -6, 3.2))
_GLUTEAL = ((0.3, 84, 62, 0.9), (0.5, 70, 58, 1.6), (0.62, 46, 30, 2.2))


def limb_vessels(look: Angiogram, rng: Rng) -> tuple[Tube, ...]:
    """Arteries, their veins, subcutaneous veins and branches of one limb."""
    tubes: list[Tube] = []
    size = rng.uniform(0.8, 1.25)
    for course in _ARTERIES.values():
        knots = _shaken(np.array(course, dtype=np.float64), size, rng)
        tubes.append(_artery(knots, look, rng))
        tubes += _veins_beside(knots, look, rng)
    tubes += [
        _vein(_shaken(np.array(knots, dtype=np.float64), size, rng), look, rng)
        for knots in _SKIN_VEINS
    ]
    tubes += [_branch(look, rng) for _ in range(look.branches)]
    return tuple(tubes)


def trunk_vessels(
    look: Angiogram, low_mm: float, tall_mm: float, scale: float, rng: Rng
) -> tuple[Tube, ...]:
    """Aorta, vena cava and iliac vessels over a pelvis `tall_mm` tall from `low_mm`."""
    tubes: list[Tube] = []
    size = rng.uniform(0.85, 1.3)
    for side in (1.0, -1.0):
        for course in (_ILIAC + _COMMON, _INNER, _GLUTEAL):
            knots = _placed(course, side, low_mm, tall_mm, scale, size, rng)
            tubes.append(_artery(knots, look, rng))
            aside = knots + np.array([0.0, -7.0 * side, 6.0, 0.0])
            aside[:, 3] *= rng.uniform(1.1, 1.6)
            tubes.append(_vein(aside, look, rng))
    aorta = ((0.97, 5, -20, 7.5), (1.2, 7, -21, 8.5), (1.8, 6, -22, 9.0))
    cava = ((0.9, -16, -14, 9.0), (1.2, -20, -15, 10.5), (1.8, -22, -20, 11.0))
    tubes.append(_artery(_placed(aorta, 1.0, low_mm, tall_mm, scale, size, rng), look, rng))
    tubes.append(_vein(_placed(cava, 1.0, low_mm, tall_mm, scale, size, rng), look, rng))
    return tuple(tubes)


def _shaken(knots: FloatArray, size: float, rng: Rng) -> FloatArray:
    knots = knots.copy()
    knots[:, 1:3] += rng.normal(0, 0.05, 2) + rng.normal(0, 0.02, (len(knots), 2))
    knots[:, 3] *= size * rng.uniform(0.85, 1.2)
    return knots


def _placed(
    course: tuple[tuple[float, float, float, float], ...],
    side: float,
    low_mm: float,
    tall_mm: float,
    scale: float,
    size: float,
    rng: Rng,
) -> FloatArray:
    knots = np.array(course, dtype=np.float64)
    knots[:, 0] = low_mm + knots[:, 0] * tall_mm
    knots[:, 1:3] = scale * (knots[:, 1:3] * (side, 1.0) + rng.normal(0, 2.5, (len(knots), 2)))
    knots[:, 3] *= scale * size * rng.uniform(0.85, 1.2)
    return knots


def _artery(knots: FloatArray, look: Angiogram, rng: Rng) -> Tube:
    wide = knots.copy()
    if rng.random() < 0.04:
        wide[:, 3] *= rng.uniform(1.6, 3.0)
    return Tube(
        wide,
        hu=look.artery_hu * rng.uniform(0.85, 1.1),
        plaque=look.plaque * rng.uniform(0.5, 1.2),
        plaque_hu=look.plaque_hu * rng.uniform(0.7, 1.2),
        phase=rng.uniform(0, 2 * np.pi),
    )


def _vein(knots: FloatArray, look: Angiogram, rng: Rng) -> Tube:
    hu = look.vein_hu * rng.uniform(0.8, 1.15)
    return Tube(knots, hu=hu, oval=rng.uniform(1.0, 1.9), turn=rng.uniform(0, np.pi))


def _veins_beside(knots: FloatArray, look: Angiogram, rng: Rng) -> list[Tube]:
    """One vein beside a thick artery, two beside a thin one."""
    veins = []
    turn = rng.uniform(0, 2 * np.pi)
    for k in range(1 if knots[:, 3].mean() > 2.4 else 2):
        beside = knots.copy()
        beside[:, 3] *= rng.uniform(0.9, 1.5)
        # The shares refer to a limb of about 50 mm radius.
        away = (knots[:, 3] + 1.2 * beside[:, 3] + 0.5) / 50
        angle = turn + np.pi * k
        beside[:, 1] += away * np.cos(angle)
        beside[:, 2] += away * np.sin(angle)
        veins.append(_vein(beside, look, rng))
    return veins


def _branch(look: Angiogram, rng: Rng) -> Tube:
    """A thin vessel at a random place in a muscle or the fat under the skin."""
    low = rng.uniform(-400, 480)
    angle = rng.uniform(0, 2 * np.pi) + np.array([0.0, rng.normal(0, 0.6)])
    away = rng.uniform(0.35, 1.1, 2)
    heights = np.array([low, low + rng.uniform(50, 160)])
    radius = rng.uniform(0.6, 1.7, 2)
    knots = np.stack([heights, away * np.cos(angle), away * np.sin(angle), radius], axis=1)
    return _artery(knots, look, rng) if rng.random() < 0.4 else _vein(knots, look, rng)
