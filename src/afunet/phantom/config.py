"""Everything that makes one simulated leg, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from afunet.errors import ConfigError
from afunet.geometry import Volume
from afunet.phantom.clutter import Clutter
from afunet.phantom.envelope import Girth
from afunet.phantom.fracture import Fracture
from afunet.phantom.organs import Organs
from afunet.phantom.vessels import Angiogram

Affine = tuple[tuple[float, float, float, float], ...]


@dataclass(frozen=True)
class Grid:
    """Voxels (slices, rows, columns) and the affine from (column, row, slice) to LPS mm."""

    shape: tuple[int, int, int]
    affine: Affine

    def matrix(self) -> NDArray[np.float64]:
        """The affine as an array (4, 4)."""
        return np.array(self.affine, dtype=np.float64)

    def empty(self) -> Volume:
        """A volume of zeros (int16) on this grid."""
        return Volume(np.zeros(self.shape, dtype=np.int16), self.matrix())


def grid_of(affine: NDArray[np.floating], shape: tuple[int, int, int]) -> Grid:
    """A grid of an affine (4, 4) array; `ConfigError` for another shape."""
    if np.shape(affine) != (4, 4):
        raise ConfigError(f"a grid needs a 4×4 affine, got shape {np.shape(affine)}")
    return Grid(shape, tuple((float(a), float(b), float(c), float(d)) for a, b, c, d in affine))


def axial_grid(
    shape: tuple[int, int, int],
    spacing_mm: float,
    step_mm: float,
    centre_mm: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Grid:
    """Axial slices `step_mm` apart about a centre; columns go to the left, rows to the back."""
    slices, rows, columns = shape
    affine = np.diag([spacing_mm, spacing_mm, step_mm, 1.0])
    half = np.array([(columns - 1) * spacing_mm, (rows - 1) * spacing_mm, (slices - 1) * step_mm])
    affine[:3, 3] = np.array(centre_mm) - half / 2
    return grid_of(affine, shape)


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
class SoftTissue:
    """What is round the bones; HU where it says so, the rest from 0 (none) to 1 (much).

    `arthrogram_hu` is contrast medium in the knee joint, in the hundreds; 0 is none.
    """

    girth: Girth = field(default_factory=Girth)
    muscle_hu: float = 57.0
    fat_hu: float = -100.0
    skin_hu: float = 35.0
    septa: float = 0.35
    infiltration: float = 0.15
    effusion: float = 0.0
    arthrogram_hu: float = 0.0
    haze: float = 0.1
    vessel_hu: float = 48.0
    calcified: bool = False
    gas: bool = False
    flattened_mm: float = 6.0
    angiogram: Angiogram | None = None


class TableKind(StrEnum):
    """What the leg lies on."""

    NONE = "none"
    CURVED = "curved shell"
    DOUBLE = "two curved shells"
    FLAT = "flat board"
    TRAY = "closed tray"


@dataclass(frozen=True)
class Cast:
    """A cast (all round) or splint (behind): HU, distance to the skin, how thick and broken.

    `gap_mm` is from the skin to the middle of the shell. `grain` is how much its HU vary,
    `unevenness` its thickness. With a `side` only that one of two legs wears it.
    """

    hu: float = 500.0
    gap_mm: float = 8.0
    thickness_mm: float = 3.5
    arc: float = 1.0
    dashes: int = 0
    padding_hu: float = -850.0
    grain: float = 0.12
    unevenness: float = 0.0
    side: str | None = None


@dataclass(frozen=True)
class Surroundings:
    """What lies outside the body; none of it is ever labelled."""

    table: TableKind = TableKind.CURVED
    table_hu: float = 150.0
    table_gap_mm: float = 25.0
    curvature_per_mm: float = 0.0006
    shell_mm: float = 2.2
    foam_hu: float = -960.0
    cast: Cast | None = None
    sheets: int = 0
    objects: int = 0
    zips: int = 0


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


@dataclass(frozen=True)
class Scanner:
    """How the leg is seen.

    `thickness_mm` None means as thick as slices are apart, at most 5 mm. `psf_mm` is the full
    width at half maximum in the slice; `sharpness` the overshoot of a bone kernel (0 to 1).
    """

    thickness_mm: float | None = None
    psf_mm: float = 0.8
    sharpness: float = 0.2
    noise_hu: float = 14.0
    grain_mm: float = 0.8
    shading_hu: float = 4.0
    streaks: float = 1.0
    round_field: bool = False

    def __post_init__(self) -> None:
        if self.noise_hu < 0 or self.psf_mm < 0 or self.grain_mm <= 0:
            raise ConfigError(
                f"noise {self.noise_hu} HU, PSF {self.psf_mm} mm and grain {self.grain_mm} mm "
                "must not be negative"
            )


@dataclass(frozen=True)
class LegConfig:
    """One simulated CT. The default is a clean left knee of 100 mm, 1 mm voxels.

    `seed` decides all texture, noise and small shapes: the same config gives the same bytes.
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
