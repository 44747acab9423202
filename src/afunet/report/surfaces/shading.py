"""How surfaces are lit: the same lamps for every renderer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Lamp:
    """A lamp infinitely far away, in the direction (right, up, toward the viewer)."""

    position: tuple[float, float, float]
    intensity: float


LAMPS = (Lamp((-0.6, 0.35, 1.0), 0.66), Lamp((0.9, 0.0, 0.5), 0.25), Lamp((0.0, 0.0, 1.0), 0.20))
AMBIENT = 0.14
