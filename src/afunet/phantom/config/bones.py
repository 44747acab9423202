"""Configuration of the bones: anatomy, bone quality and implants."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from afunet.errors import ConfigError


class Source(StrEnum):
    """The source of the bones' shapes."""

    PARAMETRIC = "parametric knee"
    LIMB_FILE = "limb of an LLP26 file"
    FOLDER = "folder of meshes"


@dataclass(frozen=True)
class Pose:
    """The pose of one leg in degrees: outward rotation, knee flexion, hip abduction."""

    outward_deg: float = 5.0
    flexion_deg: float = 4.0
    abduction_deg: float = 0.0


@dataclass(frozen=True)
class Anatomy:
    """The bones. The joint line of the knees is near z = 0, the body's midplane at x = 0.

    `path` is the LLP26 file or the mesh folder. Meshes from a folder stay in place; pose, size and
    warp apply to the other sources only. `warp_mm` is the size of a smooth random warp,
    `cartilage_mm` the smallest distance between two bones. `spine` adds lumbar vertebrae on the
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
            raise ConfigError(
                f"bones from a {self.source} need its path in anatomy.path", code="NOTHING_GIVEN"
            )
        if not set(self.sides) <= {"left", "right"} or len(self.sides) != len(self.poses):
            raise ConfigError(
                f"sides {self.sides} need one pose each, and each must be left or right"
            )


@dataclass(frozen=True)
class BoneQuality:
    """The inside of the bones. `density` scales trabecular bone, `cortex` the cortex's thickness.

    `end_loss` is the share of both that is lost towards a bone's ends, `patchy` the share of
    trabecular bone that is missing in the thinnest patches.
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


class ImplantKind(StrEnum):
    """Kinds of metal in or on a bone."""

    SCREWS = "screws"
    NAIL = "nail"
    PLATE = "plate with screws"
    WIRES = "wires"


@dataclass(frozen=True)
class Implant:
    """Metal at a height in the bone's own frame, mm; labelled as bone only inside the bone."""

    bone: str
    kind: ImplantKind
    height_mm: float
    hu: float = 4000.0
    seed: int = 0
