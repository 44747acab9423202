"""Breaking a bone: cuts of a pattern, smaller pieces beside them, lines, and displacement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from afunet.anatomy.bones import Bone as BoneKind
from afunet.phantom.config import Fracture, FracturePattern
from afunet.phantom.shapes.arrays import BoolArray, FloatArray, Rng
from afunet.phantom.shapes.distance import Box, DistanceGrid
from afunet.phantom.shapes.noise import CLOUDY, NoiseField
from afunet.phantom.shapes.streams import Stream
from afunet.phantom.skeleton.bones import Bone
from afunet.phantom.skeleton.fracture_halves import halved, inside_points
from afunet.phantom.skeleton.fracture_patterns import pattern_of
from afunet.phantom.skeleton.fracture_site import SMALL, Site, Split
from afunet.phantom.skeleton.fracture_surface import Ball, Cut, Plane, Slit, Yielding
from afunet.phantom.skeleton.fragment import Fragment

_FEWEST = 7
"""A cut that leaves fewer sample points (about 8 mm³ each) on a side is given up."""
_SAMPLE_MM = 2.0
_CHIP_RADII_MM, _CHIP_DEPTH_MM = (3.5, 7.5), 3.0
_CHUNK_MM, _TRIES = (4.0, 12.0), 4
"""Distances of the faces of a smaller piece from its middle."""
_BESIDE_MM = 6.0
"""Smaller pieces, chips and lines start this near to a cut, or twice as near."""
_AWAY, _STRAY = 0.45, 0.8
"""How much a fragment moves away from the largest, and at random: pieces slide rather than part."""
_AMOUNTS = (1.0, 1.0, 0.8, 0.6, 0.4, 0.2, 0.0)
"""Factors of the displacement, tried in this order."""
_DRIVEN_MM, _DRIVEN_SHARE = 1.0, 0.03
"""A displacement is refused if more of the points at a cut than this share lie this deep in others.

What overlaps less is shared out where the pictures are made, so that the pieces touch there.
"""
_LINE_MM, _LINE_SHARE, _LINE_WIDTH_MM = (6.0, 30.0), (0.3, 0.7), (0.35, 1.2)
_LENGTHS_MM = {
    BoneKind.FEMUR: 430.0,
    BoneKind.TIBIA: 370.0,
    BoneKind.FIBULA: 360.0,
    BoneKind.PATELLA: 43.0,
    BoneKind.PELVIS: 215.0,
}
"""Lengths of an adult's bones."""


@dataclass(frozen=True, eq=False)
class Cell:
    """Cuts, the sample points (N, 3) of the bone that they keep, and how far it is driven in."""

    cuts: tuple[Cut | Yielding, ...]
    points: FloatArray
    driven_mm: FloatArray | None = None


def break_bone(bone: Bone, fracture: Fracture) -> Bone:
    """The bone broken into fragments; the first (largest) one stays in place.

    If the place of the fracture is not in view, the bone stays intact. Raises `ConfigError` if the
    bone does not break in this pattern.
    """
    if fracture.pattern is FracturePattern.HALVES:
        return bone.broken(halved(bone.surface, fracture))
    cut_by = pattern_of(fracture.pattern, bone.name)
    rng = Stream.FRACTURE.of(fracture.seed)
    site = _site(bone, fracture, rng)
    cells: list[Cell | None] = [Cell((), site.points_mm)]
    for split in cut_by(site):
        _divide(cells, split)
    found = [cell for cell in cells if cell is not None]
    _comminute(found, site, bone.surface)
    slits = tuple(_slits(found, site, bone.surface))
    if len(found) == 1 and not slits:
        return bone
    fragments = _displaced(found, slits, bone.surface, fracture, rng)
    return bone.broken(fragments, fracture.wound)


def _site(bone: Bone, fracture: Fracture, rng: Rng) -> Site:
    low, high = bone.ends_mm
    size = (high - low) / _LENGTHS_MM.get(bone.kind, high - low)
    points = inside_points(bone.surface)
    if bone.kind is BoneKind.PELVIS:
        outward = 1.0 if (points[:, 0] > 0).mean() > rng.uniform(0.35, 0.65) else -1.0
    else:
        outward = -1.0 if bone.name.endswith("right") else 1.0
    noise = NoiseField.draw(rng, *CLOUDY)
    return Site(points, bone.ends_mm, outward, size, fracture, noise, rng)


def _divide(cells: list[Cell | None], split: Split) -> bool:
    """Divide a cell and append the new one, None if there is nothing to divide."""
    cell = cells[split.cell]
    cells.append(None)
    if cell is None:
        return False
    kept = split.cut(cell.points) < 0
    if min(kept.sum(), (~kept).sum()) < _FEWEST:
        return False
    new = Cell((*cell.cuts, split.cut.other_side()), cell.points[~kept], split.driven_mm)
    stays = split.cut if split.driven_mm is None else Yielding(split.cut, split.driven_mm)
    left = cell.points[stays(cell.points) < 0]
    cells[split.cell] = Cell((*cell.cuts, stays), left, cell.driven_mm)
    cells[-1] = new
    return True


def _comminute(cells: list[Cell], site: Site, surface: DistanceGrid) -> None:
    """Break off smaller pieces at the cuts, then chips at the surface."""
    cuts = [cell.cuts[-1] for cell in cells if cell.cuts]
    if not cuts:
        return
    near = _beside(cuts, site.points_mm)
    shallow = near[surface.distance_mm(near) > -_CHIP_DEPTH_MM]
    for _ in range(_TRIES * max(site.fracture.pieces - len(cells), 0)):
        if len(cells) >= site.fracture.pieces:
            break
        centre = near[site.rng.integers(len(near))]
        _break_off(cells, site.chunk(centre, *_CHUNK_MM), centre)
    for _ in range(site.fracture.chips):
        if len(shallow):
            centre = shallow[site.rng.integers(len(shallow))]
            radius = site.rng.uniform(*_CHIP_RADII_MM)
            flat = site.rng.uniform(0.8, 1.6)
            _break_off(cells, site.cut(Ball(centre, radius, flat), SMALL).other_side(), centre)


def _beside(cuts: Sequence[Cut | Yielding], points: FloatArray) -> FloatArray:
    away = np.minimum.reduce([np.abs(cut(points)) for cut in cuts])
    near = max(_BESIDE_MM, float(np.sort(away)[min(len(away) - 1, 30)]))
    return np.asarray(points[away < near])


def _break_off(cells: list[Cell], cut: Cut, centre: FloatArray) -> None:
    """Cut a piece off the cell that has the most points around its centre."""
    around = [
        int((np.linalg.norm(cell.points - centre, axis=1) < 2 * _BESIDE_MM).sum()) for cell in cells
    ]
    holder = int(np.argmax(around))
    divided: list[Cell | None] = [cells[holder]]
    if _divide(divided, Split(0, cut)):
        first, second = divided
        assert first is not None
        assert second is not None
        cells[holder] = first
        cells.append(second)


def _slits(cells: list[Cell], site: Site, surface: DistanceGrid) -> list[Slit]:
    """Lines that enter at the surface near the cuts and end inside the bone."""
    cuts = [cell.cuts[-1] for cell in cells if cell.cuts]
    points = site.points_mm
    if cuts:
        points = _beside(cuts, points)
    else:
        height = np.abs(points[:, 2] - site.fracture.centre_mm)
        points = points[height < 12 * site.size]
    shallow = points[surface.distance_mm(points) > -2 * _SAMPLE_MM]
    count = max(site.fracture.cracks, int(site.fracture.pattern is FracturePattern.CRACK))
    return [_slit(shallow, site, surface) for _ in range(count)] if len(shallow) else []


def _slit(shallow: FloatArray, site: Site, surface: DistanceGrid) -> Slit:
    rng = site.rng
    inside = shallow[rng.integers(len(shallow))]
    inward = -_slope(surface, inside)
    entry = inside - inward * (float(-surface.distance_mm(inside[None])[0]) + 0.5)
    way = np.arange(2.0, 90.0)
    left = np.flatnonzero(surface.distance_mm(entry + way[:, None] * inward) > 0)
    through = float(way[left[0]]) if len(left) else 90.0
    reach = np.clip(rng.uniform(*_LINE_SHARE) * through, *np.array(_LINE_MM) * site.size)
    across = np.cross(inward, rng.standard_normal(3))
    cut = site.cut(Plane(entry, across / np.linalg.norm(across)))
    return Slit(cut, entry, min(float(reach), 0.85 * through), float(rng.uniform(*_LINE_WIDTH_MM)))


def _slope(surface: DistanceGrid, point: FloatArray) -> FloatArray:
    """The unit vector in which the distance to the surface grows at a point (3,)."""
    steps = np.eye(3) * surface.spacing_mm
    slope = surface.distance_mm(point + steps) - surface.distance_mm(point - steps)
    return np.asarray(slope / max(float(np.linalg.norm(slope)), 1e-6), dtype=np.float64)


def _displaced(
    cells: list[Cell],
    slits: tuple[Slit, ...],
    surface: DistanceGrid,
    fracture: Fracture,
    rng: Rng,
) -> list[Fragment]:
    cells = sorted(cells, key=lambda cell: -len(cell.points))
    middle = cells[0].points.mean(axis=0)
    fragments = [_moved(cells[0], slits, np.zeros(3), np.zeros(3))]
    for cell in cells[1:]:
        away = cell.points.mean(axis=0) - middle
        away /= max(float(np.linalg.norm(away)), 1e-6)
        spin = np.deg2rad(fracture.tilt_deg) * rng.standard_normal(3) / np.sqrt(3)
        if cell.driven_mm is not None or fracture.impaction_mm > 0:
            into = -away * fracture.impaction_mm if cell.driven_mm is None else cell.driven_mm
            fragments.append(_moved(cell, slits, into, 0.3 * spin))
            continue
        faces = cell.points[_at_cuts(cell)]
        for amount in _AMOUNTS:
            way = _AWAY * away + _STRAY * rng.standard_normal(3) / np.sqrt(3)
            length = amount * fracture.displacement_mm * rng.uniform(0.5, 1.3)
            fragment = _moved(cell, slits, length * way / np.linalg.norm(way), amount * spin)
            if amount == 0 or not _runs_into(fragment, faces, fragments, surface):
                break
        fragments.append(fragment)
    return fragments


def _moved(cell: Cell, slits: tuple[Slit, ...], shift: FloatArray, spin: FloatArray) -> Fragment:
    home = Box.around(cell.points, 2.5 * _SAMPLE_MM)
    pivot, turn = cell.points.mean(axis=0), Rotation.from_rotvec(spin).as_matrix()
    return Fragment(home, cell.cuts, pivot, turn, shift, slits)


def _at_cuts(cell: Cell) -> BoolArray:
    near = np.zeros(len(cell.points), dtype=np.bool_)
    for cut in cell.cuts:
        near |= np.abs(cut(cell.points)) < 4 * _SAMPLE_MM
    return near


def _runs_into(
    fragment: Fragment, points: FloatArray, others: list[Fragment], surface: DistanceGrid
) -> bool:
    """Whether a fragment, given by points near its cuts before it moved, lies in others."""
    moved = fragment.from_home(points)
    driven = np.zeros(len(points), dtype=np.bool_)
    for other in others:
        home = other.to_home(moved)
        intact = surface.distance_mm(home)
        driven |= np.maximum(intact, other.face_mm(home, intact)) < -_DRIVEN_MM
    return bool(driven.mean() > _DRIVEN_SHARE)
