"""Fractures of the shaft of any long bone, and of the ankle: pilon and malleoli.

Sizes and places are by eye from clinical images of the named classes.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from afunet.phantom.skeleton.fracture_site import End, Site, Split
from afunet.phantom.skeleton.fracture_surface import Helix

CORTEX = 0.5
"""Roughness of a break through a shaft relative to one through trabecular bone."""
_MALLEOLUS_MM = 11.0
"""The plafond lies this far above the tip of the medial malleolus."""


def _shaft(site: Site) -> End | None:
    level = site.fracture.centre_mm
    return site.end(level - 8, level + 8, level)


def _leaning(site: Site, end: End, low_deg: float, high_deg: float) -> Iterator[Split]:
    lean, turn = np.deg2rad(site.rng.uniform(low_deg, high_deg)), site.rng.uniform(0, 2 * np.pi)
    across = np.sin(lean) * np.array([np.cos(turn), np.sin(turn)])
    normal = end.to(across[0], across[1], np.cos(lean))
    yield Split(0, site.plane(end.middle_mm, normal, 4.0, CORTEX))


def transverse(site: Site) -> Iterator[Split]:
    """Across a shaft."""
    end = _shaft(site)
    if end is not None:
        yield from _leaning(site, end, 0, 20)


def oblique(site: Site) -> Iterator[Split]:
    """Obliquely through a shaft."""
    end = _shaft(site)
    if end is not None:
        yield from _leaning(site, end, 35, 65)


def spiral(site: Site) -> Iterator[Split]:
    """Once around a shaft, and straight back."""
    end = _shaft(site)
    if end is not None:
        rise = 2 * end.half_x_mm * site.rng.uniform(1.8, 3.5)
        helix = Helix(end.middle_mm, rise, site.rng.uniform(0, 2 * np.pi), site.side())
        yield Split(0, site.cut(helix, CORTEX))


def butterfly(site: Site) -> Iterator[Split]:
    """A shaft breaks obliquely with a wedge on one side."""
    end = _shaft(site)
    if end is not None:
        turn, steep = site.rng.uniform(0, 2 * np.pi), site.rng.uniform(0.7, 1.8)
        x, y = np.cos(turn), np.sin(turn)
        place = end.at(-0.3 * x, -0.3 * y, 0)
        yield Split(0, site.plane(place, end.to(steep * x, steep * y, 1), 3.0, CORTEX))
        yield Split(1, site.plane(place, end.to(-steep * x, -steep * y, 1), 3.0, CORTEX))


def _plafond(site: Site) -> End | None:
    low = site.ends_mm[0]
    level = low + _MALLEOLUS_MM * site.size
    return site.end(level, level + 14 * site.size, level)


def pilon(site: Site) -> Iterator[Split]:
    """The shaft's end comes off and is split in three around the plafond's middle."""
    end = _plafond(site)
    if end is not None:
        tilt = site.rng.uniform(-0.5, 0.5, 2)
        place = end.at(0, 0, site.mm(20, 50))
        off = site.rng.uniform(-0.25, 0.25, 2)
        middle = end.at(off[0], off[1], 0)
        yield Split(0, site.plane(place, end.to(tilt[0], tilt[1], -1)))
        yield Split(1, site.plane(middle, end.to(site.rng.uniform(-0.3, 0.3), 1, 0.15)))
        yield Split(1, site.plane(middle, end.to(-1, site.rng.uniform(-0.6, 0.2), 0.1)))


def medial_malleolus(site: Site) -> Iterator[Split]:
    """The malleolus, from transverse at the joint line to vertical."""
    end = _plafond(site)
    if end is not None:
        steep = site.rng.uniform(0.3, 2.0)
        place = end.at(-site.rng.uniform(0.45, 0.6), 0, site.mm(-1, 2))
        yield Split(0, site.plane(place, end.to(-steep, site.rng.uniform(-0.3, 0.3), -1)))


def posterior_malleolus(site: Site) -> Iterator[Split]:
    """A wedge of the plafond's back edge."""
    end = _plafond(site)
    if end is not None:
        height, start = site.mm(18, 40), site.rng.uniform(0.25, 0.6)
        normal = end.to(site.rng.uniform(-0.1, 0.6) * height, height, -(1 - start) * end.half_y_mm)
        yield Split(0, site.plane(end.at(0, start, 0), normal))


def lateral_malleolus(site: Site) -> Iterator[Split]:
    """The fibula's end: below, at or above the syndesmosis (Weber A, B, C)."""
    low = site.ends_mm[0]
    height = site.rng.choice([site.mm(12, 20), site.mm(28, 45), site.mm(50, 75)], p=[0.2, 0.6, 0.2])
    end = site.end(low + height - 8, low + height + 8, low + height)
    if end is not None:
        steep = site.rng.uniform(0.0, 0.4) if height < 22 * site.size else site.rng.uniform(0.8, 2)
        normal = end.to(site.rng.uniform(-0.3, 0.3), steep, -1)
        yield Split(0, site.plane(end.middle_mm, normal, 5.0))
