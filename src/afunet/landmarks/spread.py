"""How much a result changes if the surface is drawn anew and slightly rough."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from afunet.anatomy.bones import Bone
from afunet.geometry import Mesh
from afunet.landmarks.results import Definition, Found
from afunet.reconstruction.surface_points import SurfacePoints, points_on

FloatArray = NDArray[np.float64]

POINTS, REPEATS = 60_000, 6
ROUGH_MM, WAVES, WAVE_MM = 0.4, 24, (12.0, 40.0)
"""Standard deviation of the roughness, and the lengths of the waves that it is made of."""
TWO_SIDED = 2.0


@dataclass(frozen=True, eq=False)
class Spread:
    """What was found, with the SD in mm of each landmark and the interval of each measure.

    `sd_mm` is the root of the summed variances along three axes. An interval is the value plus and
    minus two standard deviations. Both are over surfaces that are drawn anew and roughened, with
    the regions of all fits found again. They are not the differences between people who mark
    landmarks, which are larger.
    """

    found: Found
    sd_mm: Mapping[str, float] = field(default_factory=dict)
    intervals: Mapping[Definition, tuple[float, float]] = field(default_factory=dict)

    def mirrored(self) -> Spread:
        """Return what is found on the mirror image (x to −x)."""
        return replace(self, found=self.found.mirrored())


def spread_of(
    meshes: Mapping[Bone, Mesh],
    measure: Callable[[Mapping[Bone, SurfacePoints]], Mapping[str, Found]],
) -> dict[str, Spread]:
    """Measure bones, and again on six rough copies; the same meshes give the same results.

    A landmark that fewer than half of the copies show is left out.
    """
    found = measure({bone: points_on(mesh, POINTS) for bone, mesh in meshes.items()})
    again = [
        measure(
            {
                bone: _rough(mesh, number + 100 * one)
                for one, (bone, mesh) in enumerate(meshes.items())
            }
        )
        for number in range(1, REPEATS + 1)
    ]
    return {name: _spread(one, [copy[name] for copy in again]) for name, one in found.items()}


def _spread(found: Found, again: Sequence[Found]) -> Spread:
    sd_mm: dict[str, float] = {}
    intervals: dict[Definition, tuple[float, float]] = {}
    for name, point in found.landmarks.items():
        away = [one.landmarks[name] - point for one in again if name in one.landmarks]
        if 2 * len(away) >= len(again):
            sd_mm[name] = float(np.sqrt((np.array(away) ** 2).sum(axis=1).mean()))
    found = replace(found, landmarks={name: found.landmarks[name] for name in sd_mm})
    for definition, value in found.measures.items():
        values = [one.measures[definition] for one in again if definition in one.measures]
        if len(values) > 1:
            half = TWO_SIDED * float(np.sqrt(np.mean((np.array(values) - value) ** 2)))
            intervals[definition] = (value - half, value + half)
    return Spread(found, sd_mm, intervals)


def _rough(mesh: Mesh, number: int) -> SurfacePoints:
    points = points_on(mesh, POINTS, seed=number)
    middle = mesh.vertices_mm.mean(axis=0)
    rough = _waves(points.points_mm - middle, np.random.default_rng(number))
    return SurfacePoints(
        points.points_mm + rough[:, None] * points.normals, points.normals, points.area_mm2
    )


def _waves(points_mm: FloatArray, rng: np.random.Generator) -> FloatArray:
    """A smooth random height at each point (N, 3), with mean 0 and SD `ROUGH_MM`."""
    ways = rng.normal(size=(WAVES, 3))
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    ways *= 2 * np.pi / rng.uniform(*WAVE_MM, size=(WAVES, 1))
    phases = rng.uniform(0, 2 * np.pi, WAVES)
    waves = np.cos(points_mm @ ways.T + phases).sum(axis=1)
    return np.asarray(ROUGH_MM * np.sqrt(2 / WAVES) * waves)
