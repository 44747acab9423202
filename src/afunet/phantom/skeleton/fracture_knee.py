"""Fractures around the knee: tibial plateau, distal femur, patella.

Sizes and places are by eye from clinical images of the named classes.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from afunet.phantom.skeleton.fracture_site import End, Site, Split
from afunet.phantom.skeleton.fracture_surface import Ball, Cut

_PLATEAU_MM = 9.0
"""The plateau lies this far below the tip of the eminence."""


def _plateau(site: Site) -> End | None:
    top = site.ends_mm[1]
    return site.end(top - 30 * site.size, top, top - _PLATEAU_MM * site.size)


def _wedge(site: Site, head: End, side: float, start: float, depth_mm: float) -> Cut:
    """A condyle comes off on a side, from a start on the plateau to the cortex below."""
    across = (1 - start) * head.half_x_mm
    normal = head.to(side * depth_mm, site.rng.uniform(-0.35, 0.35) * depth_mm, across)
    return site.plane(head.at(side * start, 0, 0), normal)


def _depressed(site: Site, head: End, lateral: float, cell: int) -> Split:
    """A part of the joint surface is driven down."""
    place = head.at(lateral, site.rng.uniform(-0.35, 0.35), site.mm(-2, 1))
    ball = Ball(place, site.mm(8, 13), site.rng.uniform(0.9, 1.5), tall=True)
    driven = np.array([0.0, 0.0, -site.mm(3, 10)])
    return Split(cell, site.cut(ball).other_side(), driven)


def plateau_split(site: Site) -> Iterator[Split]:
    """Schatzker I: a wedge of the lateral condyle."""
    head = _plateau(site)
    if head is not None:
        yield Split(0, _wedge(site, head, 1, site.rng.uniform(0.25, 0.55), site.mm(30, 55)))


def plateau_split_depression(site: Site) -> Iterator[Split]:
    """Schatzker II: the wedge, and beside it joint surface that is driven down."""
    head = _plateau(site)
    if head is not None:
        start = site.rng.uniform(0.5, 0.65)
        yield Split(0, _wedge(site, head, 1, start, site.mm(30, 55)))
        yield _depressed(site, head, start - 0.2, 0)


def plateau_depression(site: Site) -> Iterator[Split]:
    """Schatzker III: lateral joint surface is driven down, the rim holds."""
    head = _plateau(site)
    if head is not None:
        yield _depressed(site, head, site.rng.uniform(0.4, 0.65), 0)


def plateau_medial(site: Site) -> Iterator[Split]:
    """Schatzker IV: the medial condyle, often with the eminence."""
    head = _plateau(site)
    if head is not None:
        yield Split(0, _wedge(site, head, -1, site.rng.uniform(-0.15, 0.35), site.mm(40, 65)))


def plateau_bicondylar(site: Site) -> Iterator[Split]:
    """Schatzker V: both condyles come off, the shaft ends in a peak between them."""
    head = _plateau(site)
    if head is not None:
        yield Split(0, _wedge(site, head, 1, site.rng.uniform(0.02, 0.3), site.mm(35, 60)))
        yield Split(0, _wedge(site, head, -1, site.rng.uniform(0.02, 0.3), site.mm(35, 60)))


def plateau_shaft(site: Site) -> Iterator[Split]:
    """Schatzker VI: the shaft is separated from the head, which is split once or twice."""
    head = _plateau(site)
    if head is not None:
        tilt = site.rng.uniform(-0.5, 0.5, 2)
        level = head.at(0, 0, -site.mm(32, 55))
        yield Split(0, site.plane(level, head.to(tilt[0], tilt[1], 1)))
        yield Split(1, _wedge(site, head, 1, site.rng.uniform(0, 0.4), site.mm(60, 120)))
        if site.rng.random() < 0.5:
            yield _depressed(site, head, site.rng.uniform(0.4, 0.65), 2)


def _condyles(site: Site) -> End | None:
    low = site.ends_mm[0]
    return site.end(low, low + 36 * site.size, low)


def supracondylar(site: Site) -> Iterator[Split]:
    """Across the femur just above the condyles."""
    end = _condyles(site)
    if end is not None:
        tilt = site.rng.uniform(-0.45, 0.45, 2)
        place = end.at(0, -0.2, site.mm(45, 75))
        yield Split(0, site.plane(place, end.to(tilt[0], tilt[1], -1)))


def intercondylar(site: Site) -> Iterator[Split]:
    """A T or Y: above the condyles, and between them."""
    end = _condyles(site)
    if end is not None:
        yield from supracondylar(site)
        place = end.at(site.rng.uniform(-0.12, 0.12), 0, 0)
        yield Split(1, site.plane(place, end.to(1, *site.rng.uniform(-0.2, 0.2, 2))))


def condyle(site: Site) -> Iterator[Split]:
    """One condyle comes off, from the notch to the cortex above."""
    end = _condyles(site)
    if end is not None:
        side, start = site.side(), site.rng.uniform(0.0, 0.25)
        height, across = site.mm(40, 70), (1 - start) * end.half_x_mm
        normal = end.to(side * height, site.rng.uniform(-0.25, 0.25) * height, -across)
        yield Split(0, site.plane(end.at(side * start, 0, 0), normal))


def hoffa(site: Site) -> Iterator[Split]:
    """The back of one condyle comes off in a coronal plane."""
    end = _condyles(site)
    if end is not None:
        side = site.side()
        back = end.at(0, site.rng.uniform(0.1, 0.4), 0)
        yield Split(
            0,
            site.block(
                (back, end.to(0, -1, site.rng.uniform(0.0, 0.4))),
                (end.at(side * 0.05, 0, 0), end.to(-side, 0, 0)),
                (end.at(0, 0, 60 * site.size), end.to(0, 0, 1)),
            ),
        )


def _disc(site: Site) -> End | None:
    low, high = site.ends_mm
    return site.end(low, high, (low + high) / 2)


def patella_transverse(site: Site) -> Iterator[Split]:
    """Across the patella, in the middle or towards a pole."""
    disc = _disc(site)
    if disc is not None:
        half = (site.ends_mm[1] - site.ends_mm[0]) / 2
        place = disc.at(0, 0, site.rng.uniform(-0.45, 0.35) * half)
        tilt = site.rng.uniform(-0.25, 0.25, 2)
        yield Split(0, site.plane(place, disc.to(tilt[0], tilt[1], 1)))


def patella_stellate(site: Site) -> Iterator[Split]:
    """Four or five sectors around a blow on the front."""
    disc = _disc(site)
    if disc is not None:
        off = site.rng.uniform(-0.2, 0.2, 2)
        place = disc.at(off[0], off[1], site.mm(-4, 4))
        first = site.rng.uniform(-0.4, 0.4)
        yield Split(0, site.plane(place, disc.to(np.sin(first), 0.15, np.cos(first))))
        for cell in (0, 1, 2)[: int(site.rng.integers(2, 4))]:
            angle = first + site.rng.uniform(0.8, 2.2)
            yield Split(cell, site.plane(place, disc.to(np.sin(angle), 0.1, np.cos(angle))))
