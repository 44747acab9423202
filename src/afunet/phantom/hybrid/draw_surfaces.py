"""Drawing the surfaces along which a bone breaks."""

from __future__ import annotations

import numpy as np

from afunet.phantom.hybrid.plan import Fold, Surface, SurfaceKind, Vector
from afunet.phantom.hybrid.sample import Sample
from afunet.phantom.hybrid.surfaces import axes_of
from afunet.phantom.shapes.arrays import FloatArray, Rng

ROUGH_MM, HURST = (0.6, 3.0), (0.65, 0.9)
_BEND_PER_MM, _FOLD_DEG = 1 / 70, (8.0, 45.0)
_SHAFT = 1.8
"""Bone that is longer than wide by this factor within 18 mm is a shaft or a ramus."""


def sheet(rng: Rng, centre: FloatArray, normal: FloatArray, rough: float | None = None) -> Surface:
    """A sheet across a normal: rough, and often bent or folded."""
    bent = rng.random(2) < 0.5
    folds = tuple(
        Fold(
            rng.uniform(0, np.pi),
            rng.normal(0, 8),
            float(rng.choice([-1, 1]) * np.tan(np.deg2rad(rng.uniform(*_FOLD_DEG)))),
        )
        for _ in range(rng.choice(4, p=(0.4, 0.3, 0.2, 0.1)))
    )
    return Surface(
        SurfaceKind.SHEET,
        vector(centre),
        vector(normal / np.linalg.norm(normal)),
        int(rng.integers(1 << 30)),
        log_uniform(rng, *ROUGH_MM) if rough is None else rough,
        hurst=rng.uniform(*HURST),
        bend_per_mm=(
            float(bent[0] * rng.normal(0, _BEND_PER_MM)),
            float(bent[1] * rng.normal(0, _BEND_PER_MM)),
        ),
        folds=folds,
    )


def spiral(rng: Rng, centre: FloatArray, axis: FloatArray) -> Surface:
    """A spiral about the axis of a shaft."""
    climb, rough = rng.uniform(20, 70), log_uniform(rng, 0.4, 1.2)
    return Surface(
        SurfaceKind.SPIRAL,
        vector(centre),
        vector(axis),
        int(rng.integers(1 << 30)),
        rough,
        size_mm=climb,
    )


def ball(rng: Rng, centre: FloatArray, radius_mm: float) -> Surface:
    """The face of a chip."""
    seed, rough = int(rng.integers(1 << 30)), rng.uniform(0.2, 0.15 * radius_mm + 0.2)
    up = direction(rng)
    return Surface(SurfaceKind.BALL, vector(centre), vector(up), seed, rough, size_mm=radius_mm)


def across_bone(rng: Rng, sample: Sample, centre: FloatArray) -> Surface:
    """A sheet (or spiral) through bone: often across the way the bone runs, else any way."""
    axes, sizes = sample.run_of_bone(centre)
    shaft = sizes[0] > _SHAFT * sizes[1]
    middle = sample.points[np.linalg.norm(sample.points - centre, axis=1) < 20].mean(axis=0)
    if shaft and rng.random() < 0.25:
        return spiral(rng, middle.astype(np.float64), axes[0])
    if rng.random() < (0.8 if shaft else 0.5):
        return sheet(rng, centre, tilted(rng, axes[0], rng.uniform(0, 50)))
    return sheet(rng, centre, direction(rng))


def tilted(rng: Rng, normal: FloatArray, degrees: float) -> FloatArray:
    """A unit vector (3,) this far from another, to any side."""
    first, second = axes_of(normal)
    angle, side = np.deg2rad(degrees), rng.uniform(0, 2 * np.pi)
    across = np.cos(side) * first + np.sin(side) * second
    return np.asarray(np.cos(angle) * normal + np.sin(angle) * across)


def direction(rng: Rng) -> FloatArray:
    """A unit vector (3,), any way."""
    drawn = rng.standard_normal(3)
    return np.asarray(drawn / np.linalg.norm(drawn))


def log_uniform(rng: Rng, low: float, high: float) -> float:
    """A number between two, as often below as above their geometric mean."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def vector(values: FloatArray) -> Vector:
    """Three plain numbers."""
    first, second, third = (float(value) for value in values)
    return first, second, third
