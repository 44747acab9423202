"""Configuration of the tissue around the bones: muscle, fat, vessels, organs, dense objects."""

from __future__ import annotations

from dataclasses import dataclass, field

from afunet.phantom.config.joint_tissue import JointTissue


@dataclass(frozen=True)
class Girth:
    """The thickness of a limb: `muscle` scales the radii, `fat_mm` is the fat over the muscle."""

    muscle: float = 1.0
    fat_mm: float = 8.0
    unevenness: float = 0.05


@dataclass(frozen=True)
class Angiogram:
    """Visible vessels: HU of arteries and veins, number of small branches per limb, calcification.

    `plaque` is the share of the arteries' walls that is calcified, with up to `plaque_hu`.
    """

    artery_hu: float = 300.0
    vein_hu: float = 120.0
    branches: int = 6
    plaque: float = 0.0
    plaque_hu: float = 700.0


@dataclass(frozen=True)
class SoftTissue:
    """Soft tissue around the bones; fields without a unit range from 0 (none) to 1 (much).

    `arthrogram_hu` is the HU of contrast medium in the knee joint, some hundreds; 0 means none.
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
    joint_tissue: tuple[JointTissue, ...] = ()


@dataclass(frozen=True)
class Organs:
    """HU of the organs in the trunk; `opacified` is the share of bowel with contrast medium.

    `tissue_hu` is the HU of organs and bowel walls, `urine_hu` that of urine in kidneys, ureters
    and bladder, which is high late after an injection. `gas` is the share of bowel with gas.
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
    """Numbers of dense objects in one limb or the trunk."""

    chalk: int = 0
    granulomas: int = 0
    clips: int = 0
    staples: int = 0
    tubes: int = 0
    electrodes: int = 0
