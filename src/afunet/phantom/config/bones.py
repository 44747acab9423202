"""Which bones lie where, what is inside them, how they broke, and their metal."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from afunet.errors import ConfigError


class Source(StrEnum):
    """Where the bones' shapes come from."""

    PARAMETRIC = "parametric knee"
    LIMB_FILE = "limb of an LLP26 file"
    FOLDER = "folder of meshes"


@dataclass(frozen=True)
class Pose:
    """How one leg lies, in degrees: turned outwards, bent at the knee, spread at the hip."""

    outward_deg: float = 5.0
    flexion_deg: float = 4.0
    abduction_deg: float = 0.0


@dataclass(frozen=True)
class Anatomy:
    """The bones. The joint line of the knees lies about z = 0, the body's midplane at x = 0.

    `path` is the LLP26 file or the mesh folder. A folder's meshes stay where they are; pose,
    size and warp are for the other sources. `warp_mm` is the size of a smooth random warp,
    `cartilage_mm` the least distance between two bones. `spine` stacks lumbar vertebrae on the
    sacrum of an LLP26 limb.
    """

    source: Source = Source.PARAMETRIC
    path: Path | None = None
    sides: tuple[str, ...] = ("left",)
    poses: tuple[Pose, ...] = (Pose(),)
    scale: float = 1.0
    stretch: tuple[float, float, float] = (1.0, 1.0, 1.0)
    warp_mm: float = 1.0
    knees_apart_mm: float = 200.0
    cartilage_mm: float = 2.5
    surface_step_mm: float = 0.8
    spine: bool = False

    def __post_init__(self) -> None:
        if self.source is not Source.PARAMETRIC and self.path is None:
            raise ConfigError(f"bones from a {self.source} need a path", code="NOTHING_GIVEN")
        if not set(self.sides) <= {"left", "right"} or len(self.sides) != len(self.poses):
            raise ConfigError(f"need one pose for each of the sides {self.sides}, left or right")


@dataclass(frozen=True)
class BoneQuality:
    """What is inside the bones. `density` scales trabecular bone, `cortex` the thickness.

    `end_loss` is the share of both that is lost towards a bone's ends, `patchy` how much of the
    trabecular bone is gone where there is least of it.
    """

    density: float = 1.0
    cortex: float = 1.0
    cortex_hu: float = 1550.0
    marrow_hu: float = -50.0
    trabecula_mm: float = 1.7
    contrast: float = 0.55
    sclerosis_hu: float = 250.0
    scar_hu: float = 60.0
    cysts: int = 0
    tunnel: bool = False
    end_loss: float = 0.0
    patchy: float = 0.0


@dataclass(frozen=True)
class Fracture:
    """How a bone breaks.

    `centre_mm` is the height of the break in the bone's own frame. `pieces` large fragments
    come from rough planes, `chips` small ones (some 50–1000 mm³) from bites at the surface.
    """

    bone: str
    centre_mm: float
    pieces: int = 2
    chips: int = 0
    displacement_mm: float = 3.0
    tilt_deg: float = 3.0
    gap_mm: float = 0.6
    roughness_mm: float = 1.5
    seed: int = 0


class ImplantKind(StrEnum):
    """Metal in or on a bone."""

    SCREWS = "screws"
    NAIL = "nail"
    PLATE = "plate with screws"
    WIRES = "wires"


@dataclass(frozen=True)
class Implant:
    """Metal at a height (the bone's own frame, mm): inside a bone it is bone, outside not."""

    bone: str
    kind: ImplantKind
    height_mm: float
    hu: float = 4000.0
    seed: int = 0
