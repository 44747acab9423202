"""What is round the bones: muscle and fat, vessels, organs, dense things that are no bone."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Girth:
    """How thick a limb is: `muscle` scales the radii, `fat_mm` lies over them."""

    muscle: float = 1.0
    fat_mm: float = 8.0
    unevenness: float = 0.05


@dataclass(frozen=True)
class Angiogram:
    """Vessels that show: HU of arteries and veins, small branches a limb, how calcified.

    `plaque` is the share of the arteries' walls that is calcified, to `plaque_hu`.
    """

    artery_hu: float = 300.0
    vein_hu: float = 120.0
    branches: int = 6
    plaque: float = 0.0
    plaque_hu: float = 700.0


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


@dataclass(frozen=True)
class Organs:
    """HU of what the trunk holds; `opacified` is the share of bowel filled with contrast.

    `tissue_hu` is that of organs and bowel walls, `urine_hu` of what kidneys, ureters and
    bladder put out: high late after an injection. `gas` is the share of bowel with gas in it.
    """

    tissue_hu: float = 45.0
    bowel_hu: float = 300.0
    opacified: float = 0.0
    urine_hu: float = 8.0
    layered: bool = False
    gas: float = 0.3
    psoas_mm: float = 20.0


@dataclass(frozen=True)
class Clutter:
    """How many of each lie in one limb or the trunk."""

    chalk: int = 0
    granulomas: int = 0
    clips: int = 0
    staples: int = 0
    tubes: int = 0
    electrodes: int = 0
