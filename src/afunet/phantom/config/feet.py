"""The configuration of a foot."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Foot:
    """The foot of one leg, from a file such as `vhf-legs.npz`, and its pose at the ankle.

    `model` is the foot that is taken, "Left" or "Right"; it fits either leg. `size` is relative to
    the leg. The angles in degrees begin at the pose of the file: plantar flexion moves the toes
    down, inversion turns the sole to the other leg.
    """

    path: Path
    model: str = "Left"
    size: float = 1.0
    plantar_deg: float = 0.0
    inversion_deg: float = 0.0
