"""Drawing a break of a bone at random."""

from __future__ import annotations

import numpy as np

from afunet.fragments.broken_bone import BrokenBone
from afunet.phantom.hybrid.cells import cells_at
from afunet.phantom.hybrid.draw_lookalikes import draw_band, draw_channel, draw_crack
from afunet.phantom.hybrid.draw_motions import Contact, draw_contact, draw_line, draw_motion
from afunet.phantom.hybrid.draw_surfaces import (
    across_bone,
    ball,
    direction,
    log_uniform,
    sheet,
    tilted,
    vector,
)
from afunet.phantom.hybrid.plan import Break, Cut, Rescan, Surface, SurfaceKind, Vector
from afunet.phantom.hybrid.sample import Sample
from afunet.phantom.hybrid.surfaces import value_at
from afunet.phantom.shapes.arrays import BoolArray, FloatArray, Rng

INTACT = 0.15
"""Share of bones that are not broken, but scanned like the others."""
_CUTS = (0.45, 0.25, 0.15, 0.1, 0.05)
"""Shares of one cut, two cuts, and so on."""
_TRIES, _MOTIONS = 8, 24
_LEAST_MM3, _LEAST_SHARE = 400.0, 0.004
_CHIP, _CHIP_MM3 = 0.25, (50.0, 1000.0)
_MOST_VOXELS = 6_000_000
_IN_PLANE_MM, _SLICE_MM = (0.4, 1.2), (0.5, 3.0)


def draw_break(rng: Rng, bone: BrokenBone, most_voxels: int = _MOST_VOXELS) -> Break:
    """Choices for `broken`, drawn for one bone of one fragment.

    The scan's grid has at most about `most_voxels` in the bone's box: finer ones are made coarser.
    """
    sample = Sample.of(bone)
    first = draw_contact(rng)
    count = 0 if rng.random() < INTACT else 1 + int(rng.choice(len(_CUTS), p=_CUTS))
    cuts = _cuts(rng, sample, count, first)
    radius = _contact_radius(sample, cuts)
    cracks = [draw_crack(rng, sample) for _ in range(rng.choice(3, p=(0.6, 0.3, 0.1)))]
    return Break(
        rescan=_rescan(rng, sample, most_voxels),
        cuts=cuts,
        motions=tuple(draw_motion(rng, draw_contact(rng, first), radius) for _ in range(_MOTIONS)),
        cracks=tuple(crack for crack in cracks if crack is not None),
        bands=tuple(draw_band(rng, sample) for _ in range(rng.choice(3, p=(0.65, 0.25, 0.1)))),
        channels=tuple(
            draw_channel(rng, sample) for _ in range(rng.choice(4, p=(0.5, 0.2, 0.2, 0.1)))
        ),
        gap_hu=rng.uniform(-70, 0) if rng.random() < 0.15 else rng.uniform(0, 90),
        crush=rng.uniform(0.2, 1.0),
        painted_mm=rng.uniform(1.5, 4.0) if rng.random() < 0.3 else rng.uniform(0.5, 1.6),
        seed=int(rng.integers(1 << 30)),
    )


def _cuts(rng: Rng, sample: Sample, count: int, first: Contact) -> tuple[Cut, ...]:
    cuts: list[Cut] = []
    for _ in range(count):
        for _ in range(_TRIES):
            cut = _cut(rng, sample, cuts, first)
            if _parts_enough(sample, cuts, cut):
                cuts.append(cut)
                break
    return tuple(cuts)


def _cut(rng: Rng, sample: Sample, cuts: list[Cut], first: Contact) -> Cut:
    """The first goes across the bone; later ones end at an earlier one, near it, or bite."""
    line = draw_line(rng, draw_contact(rng, first))
    if not cuts and rng.random() > _CHIP / 2:
        return Cut(across_bone(rng, sample, sample.any_point(rng)), 0, line)
    if not cuts or rng.random() < _CHIP:
        surface = _chip(rng, sample, cuts)
    else:
        surface = _second(rng, sample, cuts[int(rng.integers(len(cuts)))].surface)
    cell = int(cells_at(cuts, np.array([surface.centre_mm], dtype=np.float32))[0])
    return Cut(surface, cell, line)


def _second(rng: Rng, sample: Sample, earlier: Surface) -> Surface:
    """Near an earlier surface: across it (T), at an angle (Y, butterfly), along it, any way."""
    near = np.abs(value_at(earlier, sample.points)) < rng.uniform(4, 25)
    centre = sample.any_point(rng, near & _within(sample, earlier.centre_mm, 45))
    normal, kind = np.asarray(earlier.normal), rng.random()
    if kind < 0.35:
        return sheet(rng, centre, tilted(rng, normal, rng.uniform(70, 90)))
    if kind < 0.7:
        return sheet(rng, centre, tilted(rng, normal, rng.uniform(30, 70)))
    if kind < 0.8:
        return sheet(rng, centre, tilted(rng, normal, rng.uniform(0, 15)))
    return across_bone(rng, sample, centre)


def _chip(rng: Rng, sample: Sample, cuts: list[Cut]) -> Surface:
    """A ball at the outside of the bone; about half of it is bone."""
    near = np.ones(len(sample.points), dtype=np.bool_)
    if cuts:
        near = np.abs(value_at(cuts[0].surface, sample.points)) < 12
    radius = (3 * 2 * log_uniform(rng, *_CHIP_MM3) / (4 * np.pi)) ** (1 / 3)
    start, outward = sample.any_point(rng, near), direction(rng)
    around = sample.points[_within(sample, vector(start), 15)]
    return ball(rng, around[np.argmax(around @ outward)].astype(np.float64), float(radius))


def _within(sample: Sample, centre: Vector, reach_mm: float) -> BoolArray:
    away = np.linalg.norm(sample.points - np.array(centre, dtype=np.float32), axis=1)
    return np.asarray(away < reach_mm)


def _parts_enough(sample: Sample, cuts: list[Cut], cut: Cut) -> bool:
    """Whether both sides of a new cut are large enough to be fragments."""
    cells = cells_at([*cuts, cut], sample.points)
    sizes = [np.sum(cells == number) * sample.voxel_mm3 for number in (cut.cell, len(cuts) + 1)]
    whole = len(sample.points) * sample.voxel_mm3
    least = 50.0 if cut.surface.kind is SurfaceKind.BALL else max(_LEAST_MM3, _LEAST_SHARE * whole)
    return bool(min(sizes) >= least)


def _contact_radius(sample: Sample, cuts: tuple[Cut, ...]) -> float:
    """About how far from its middle the first contact reaches, in mm."""
    if not cuts:
        return 10.0
    near = sample.points[np.abs(value_at(cuts[0].surface, sample.points)) < 2]
    return max(3.0, 1.5 * float(np.sqrt(near.var(axis=0).sum()))) if len(near) else 10.0


def _rescan(rng: Rng, sample: Sample, most_voxels: int) -> Rescan:
    plane, thick = log_uniform(rng, *_IN_PLANE_MM), log_uniform(rng, *_SLICE_MM)
    box: FloatArray = np.ptp(sample.points, axis=0) + 10
    finer = float(np.prod(box / [thick, plane, plane]) / most_voxels) ** (1 / 3)
    spacing = np.array([thick, plane, plane]) * max(1.0, finer)
    return Rescan(
        vector(spacing),
        blur_mm=rng.uniform(0.3, 0.8),
        noise_hu=log_uniform(rng, 3, 30),
        grain_mm=rng.uniform(0.3, 1.0),
        order=int(rng.choice([1, 2, 3])),
    )
