"""Drawing how fragments move and what their contact looks like."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from afunet.phantom.hybrid.draw_surfaces import direction, vector
from afunet.phantom.hybrid.plan import Line, Motion
from afunet.phantom.shapes.arrays import Rng


class Contact(Enum):
    """How two fragments lie against each other."""

    CLOSED = "closed"
    APART = "apart"
    DISPLACED = "displaced"
    IMPACTED = "impacted"


_SHARES = {
    Contact.CLOSED: 0.35,
    Contact.APART: 0.2,
    Contact.DISPLACED: 0.25,
    Contact.IMPACTED: 0.2,
}
_ALIKE = 0.7
"""Share of contacts of a bone that are of its first kind."""


def draw_contact(rng: Rng, first: Contact | None = None) -> Contact:
    """A kind of contact, often that of the bone's first."""
    if first is not None and rng.random() < _ALIKE:
        return first
    return Contact(rng.choice([kind.value for kind in _SHARES], p=list(_SHARES.values())))


@dataclass(frozen=True)
class _Range:
    """Limits of a kind's motion: apart, most slide and turn, kerf, mean HU of its line."""

    apart_mm: tuple[float, float]
    slide_mm: float
    turn_deg: float
    kerf_mm: tuple[float, float]
    line_hu: float


_RANGES = {
    Contact.CLOSED: _Range((-0.2, 0.4), 0.8, 1.0, (0.2, 0.8), -20.0),
    Contact.APART: _Range((0.2, 2.5), 1.2, 2.0, (0.0, 0.6), -20.0),
    Contact.DISPLACED: _Range((-0.6, 1.2), 6.0, 10.0, (0.0, 0.6), -10.0),
    Contact.IMPACTED: _Range((-2.5, -0.3), 1.5, 3.0, (0.0, 0.3), 30.0),
}


def draw_motion(rng: Rng, contact: Contact, radius_mm: float) -> Motion:
    """A fragment's motion; a contact of a large radius turns less, or one end would be driven in.

    Turning opens a gap on one side while the other stays closed.
    """
    limits = _RANGES[contact]
    turn = limits.turn_deg * rng.uniform(0, 1) * min(1.0, 12 / radius_mm)
    way, slide = rng.uniform(0, 2 * np.pi), limits.slide_mm * rng.uniform(0, 1) ** 1.5
    opened = 0.6 * np.deg2rad(turn) * radius_mm
    return Motion(
        float(rng.uniform(*limits.apart_mm) + opened * (contact is not Contact.IMPACTED)),
        (float(slide * np.cos(way)), float(slide * np.sin(way))),
        vector(turn * direction(rng)),
    )


def draw_line(rng: Rng, contact: Contact) -> Line:
    """What the bone beside a contact looks like: often a little darker, at times denser."""
    limits = _RANGES[contact]
    return Line(
        kerf_mm=rng.uniform(*limits.kerf_mm),
        kerf_spread_mm=rng.uniform(0, 0.5),
        rim_mm=float(rng.random() < 0.6) * rng.uniform(0.3, 1.5),
        hu=rng.normal(limits.line_hu, 50),
        fade_mm=rng.uniform(0.4, 1.3),
        hu_spread=rng.uniform(0.2, 1.2),
    )
