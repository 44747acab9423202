"""Drawing the places of the organs in the trunk: bowel, bladder, kidneys, ureters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.spatial.transform import Rotation

from afunet.phantom.config import Organs
from afunet.phantom.shapes.arrays import FloatArray, Rng
from afunet.phantom.tissue.organs import NO_GAS, Blob, Contents
from afunet.phantom.tissue.vessels import Tube


def draw_contents(
    organs: Organs,
    half_mm: tuple[float, float],
    low_mm: float,
    tall_mm: float,
    scale: float,
    fat_hu: float,
    rng: Rng,
) -> Contents:
    """Contents of a trunk of half-widths `half_mm` over a pelvis `tall_mm` tall from `low_mm`."""

    def at(part: float) -> float:
        return low_mm + part * tall_mm

    blobs = _bowel(organs, half_mm, at(0.45), at(1.7), scale, rng)
    blobs += _solid_organs(organs, half_mm, at, scale, rng)
    blobs += _bladder(organs, at(rng.uniform(0.25, 0.36)), scale, rng)
    course = ((0.33, 22, 0), (0.55, 46, 28), (0.8, 42, 8), (1.1, 40, -2), (1.6, 42, 10))
    ureters = []
    for side in (-1.0, 1.0):
        radius = rng.uniform(1.2, 3.2)
        knots = [(at(f), scale * side * x, scale * y, radius) for f, x, y in course]
        wavy = np.array(knots) + rng.normal(0, 3, (len(knots), 4)) * (0, 1, 1, 0)
        ureters.append(Tube(wavy, hu=max(organs.urine_hu * rng.uniform(0.5, 1.2), 20.0)))
    return Contents(tuple(blobs), tuple(ureters), low_mm, tall_mm, scale, organs.psoas_mm, fat_hu)


def _bowel(
    organs: Organs, half_mm: tuple[float, float], low: float, high: float, scale: float, rng: Rng
) -> list[Blob]:
    """Loops of small bowel in the middle, and colon at the sides and in front."""
    blobs = []
    for k in range(int((high - low) / 3.2)):
        colon = k % 4 == 0
        radius = scale * (rng.uniform(15, 27) if colon else rng.uniform(8, 14))
        away = rng.uniform(0.6, 0.85) if colon else 0.75 * np.sqrt(rng.random())
        angle = rng.uniform(0, 2 * np.pi)
        centre = np.array(
            [
                away * np.cos(angle) * (half_mm[0] - 36),
                away * np.sin(angle) * 0.6 * half_mm[1] - 0.15 * half_mm[1],
                rng.uniform(low, high),
            ]
        )
        blobs.append(_loop(organs, centre, radius, colon, rng))
    return blobs


def _loop(organs: Organs, centre: FloatArray, radius: float, colon: bool, rng: Rng) -> Blob:
    opaque = rng.random() < organs.opacified
    plain = rng.uniform(10, 60)
    gas = NO_GAS
    if rng.random() < organs.gas * (1.0 if colon else 0.4):
        gas = float(centre[1] + radius * rng.uniform(-0.8, 0.9))
    return Blob(
        centre,
        _any_turn(rng),
        radius * np.array([1.0, rng.uniform(0.8, 1.3), rng.uniform(1.2, 2.4)]),
        hu=organs.bowel_hu * rng.uniform(0.5, 1.25) if opaque else plain,
        wall_hu=organs.tissue_hu,
        wall_mm=rng.uniform(1.0, 3.0),
        rough=rng.uniform(0, 0.08) if opaque else 0.3 * float(colon),
        gas_behind_mm=gas,
    )


def _solid_organs(
    organs: Organs,
    half_mm: tuple[float, float],
    at: Callable[[float], float],
    scale: float,
    rng: Rng,
) -> list[Blob]:
    tissue, width = organs.tissue_hu, half_mm[0]
    blobs = []
    # Uterus or prostate, rectum, the liver's tip on the right, kidneys with their renal pelves.
    if rng.random() < 0.6:
        womb = np.array([rng.normal(0, 6), 8.0, at(rng.uniform(0.42, 0.55))])
        size = scale * rng.uniform(18, 34) * np.array([1.2, 0.9, 1.2])
        blobs.append(Blob(womb, _any_turn(rng), size, tissue + 8, tissue, rough=0.06))
    rectum = np.array([rng.normal(0, 4), 0.46 * half_mm[1], at(rng.uniform(0.35, 0.5))])
    size = scale * np.array([rng.uniform(12, 24), rng.uniform(10, 20), 45])
    opaque = rng.random() < organs.opacified
    filling = organs.bowel_hu if opaque else rng.uniform(0, 60)
    gas = float(rectum[1]) - 3 if rng.random() < organs.gas else NO_GAS
    blobs.append(Blob(rectum, np.eye(3), size, filling, tissue, 3.0, rough=0.15, gas_behind_mm=gas))
    if rng.random() < 0.5:
        tip = np.array([-(width - 62), -10.0, at(rng.uniform(1.6, 1.9))])
        blobs.append(Blob(tip, np.eye(3), scale * np.array([48, 62, 75]), tissue + 15, tissue + 15))
    for side in (-1.0, 1.0):
        middle = np.array([side * scale * rng.uniform(60, 72), 10.0, at(rng.uniform(1.45, 1.75))])
        lean = Rotation.from_euler("y", side * rng.uniform(5, 18), degrees=True).as_matrix()
        size = scale * np.array([26, 28, 55])
        blobs.append(Blob(middle, lean, size, tissue + 30 * (tissue > 60), tissue + 10))
        for _ in range(3):
            calyx = middle + scale * np.array([-side * 6, -4, 1]) + rng.normal(0, (5, 5, 16))
            small = scale * rng.uniform(3, 9, 3)
            blobs.append(Blob(calyx, _any_turn(rng), small, organs.urine_hu, tissue, 0.0))
    return blobs


def _bladder(organs: Organs, height: float, scale: float, rng: Rng) -> list[Blob]:
    full = scale * rng.uniform(18, 46)
    centre = np.array([rng.normal(0, 4), -30.0 + 0.2 * full, height + 0.5 * full])
    level = float(centre[1] + rng.uniform(-0.5, 0.6) * full) if organs.layered else 1e3
    return [
        Blob(
            centre,
            np.eye(3),
            full
            * np.array([rng.uniform(0.95, 1.3), rng.uniform(0.75, 1.0), rng.uniform(0.8, 1.1)]),
            hu=8.0 if organs.layered else organs.urine_hu,
            wall_hu=organs.tissue_hu,
            wall_mm=rng.uniform(1.5, 4.0),
            heavy_behind_mm=level,
            heavy_hu=organs.urine_hu,
        )
    ]


def _any_turn(rng: Rng) -> FloatArray:
    return np.asarray(Rotation.random(random_state=rng).as_matrix(), dtype=np.float64)
