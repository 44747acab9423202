"""The configuration of one simulated leg."""

from __future__ import annotations

from dataclasses import dataclass, field
from numbers import Integral

from afunet.errors import ConfigError
from afunet.phantom.config.bones import Anatomy, BoneQuality, Implant
from afunet.phantom.config.fracture import Fracture
from afunet.phantom.config.grid import Grid, axial_grid
from afunet.phantom.config.setting import Scanner, Surroundings
from afunet.phantom.config.tissue import Clutter, Organs, SoftTissue


@dataclass(frozen=True)
class LegConfig:
    """The configuration of one simulated CT; by default an intact left knee, 100 mm, 1 mm voxels.

    `seed` determines all texture, noise and small shapes: the same config gives the same bytes.
    Raises `ConfigError` unless it is a whole number from 0.
    """

    seed: int = 0
    grid: Grid = field(default_factory=lambda: axial_grid((100, 192, 192), 1.0, 1.0, (95, 8, 0)))
    anatomy: Anatomy = field(default_factory=Anatomy)
    bone: BoneQuality = field(default_factory=BoneQuality)
    soft: SoftTissue = field(default_factory=SoftTissue)
    fractures: tuple[Fracture, ...] = ()
    implants: tuple[Implant, ...] = ()
    organs: Organs | None = None
    clutter: Clutter | None = None
    surroundings: Surroundings = field(default_factory=Surroundings)
    scanner: Scanner = field(default_factory=Scanner)

    def __post_init__(self) -> None:
        if not isinstance(self.seed, Integral) or self.seed < 0:
            raise ConfigError(f"the seed is {self.seed!r}, expected a whole number from 0")
