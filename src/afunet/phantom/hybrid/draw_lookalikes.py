"""Drawing what does not part a bone: cracks that end inside it, bands and channels."""

from __future__ import annotations

import numpy as np

from afunet.phantom.hybrid.draw_surfaces import across_bone, direction, log_uniform, sheet, vector
from afunet.phantom.hybrid.lookalikes import crack_width
from afunet.phantom.hybrid.plan import Band, Channel, Crack
from afunet.phantom.hybrid.sample import Sample
from afunet.phantom.hybrid.surfaces import axes_of, value_at
from afunet.phantom.shapes.arrays import FloatArray, Rng

_TRIES, _WHOLE = 5, 0.97
_WALL_MM = 1.6
"""A crack counts as this thick on either side when it is asked whether the bone hangs together."""


def draw_crack(rng: Rng, sample: Sample) -> Crack | None:
    """An incomplete line; none if the bone would hang together too little whatever is drawn."""
    for _ in range(_TRIES):
        centre = sample.any_point(rng)
        surface = across_bone(rng, sample, centre)
        first, second = axes_of(np.asarray(surface.normal))
        way = rng.uniform(0, 2 * np.pi)
        crack = Crack(
            surface,
            end_mm=vector(centre),
            onward=vector(np.cos(way) * first + np.sin(way) * second),
            width_mm=log_uniform(rng, 0.3, 1.6),
            taper_mm=rng.uniform(3, 20),
            reach_mm=rng.uniform(12, 50),
        )
        there = crack_width(crack, sample.points) > 0
        gone = there & (np.abs(value_at(surface, sample.points)) < _WALL_MM)
        if gone.sum() >= 5 and sample.largest_share_left(gone) > _WHOLE:
            return crack
    return None


def draw_band(rng: Rng, sample: Sample) -> Band:
    """A growth plate's scar, thin and bright; or sclerosis, broad; or a lighter band."""
    centre = sample.any_point(rng)
    scar = rng.random() < 0.5
    normal = sample.run_of_bone(centre)[0][0] if rng.random() < 0.6 else direction(rng)
    return Band(
        sheet(rng, centre, normal, rough=rng.uniform(0.2, 1.0)),
        hu=rng.uniform(60, 350) * (1.0 if scar or rng.random() < 0.7 else -0.3),
        width_mm=rng.uniform(0.4, 0.9) if scar else rng.uniform(1.0, 4.0),
        reach_mm=rng.uniform(10, 60),
    )


def draw_channel(rng: Rng, sample: Sample) -> Channel:
    """A vessel's channel through bone, a little winding."""
    at, way = sample.any_point(rng), direction(rng)
    course: list[FloatArray] = []
    for _ in range(rng.integers(3, 7)):
        course.append(at)
        way = way + 0.5 * rng.standard_normal(3)
        way /= np.linalg.norm(way)
        at = at + rng.uniform(5, 11) * way
    return Channel(
        tuple(vector(point) for point in course),
        radius_mm=log_uniform(rng, 0.35, 1.6),
        hu=rng.uniform(-40, 90),
        wall_hu=float(rng.random() < 0.6) * rng.uniform(0, 250),
    )
