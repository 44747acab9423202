"""Configuration of fractures: the clinical pattern, the surfaces, and the density beside them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FracturePattern(StrEnum):
    """Where and how a bone breaks.

    `HALVES` are the smooth-gapped random planes of simulator 1 and 2, kept for comparison with
    older figures. `RANDOM` are random planes with real surfaces, `CRACK` only lines that end in
    the bone. All others are clinical patterns, which only their bone may have.
    """

    HALVES = "halves"
    RANDOM = "random"
    CRACK = "crack"
    PLATEAU_SPLIT = "tibial plateau, split"
    PLATEAU_SPLIT_DEPRESSION = "tibial plateau, split and depression"
    PLATEAU_DEPRESSION = "tibial plateau, depression"
    PLATEAU_MEDIAL = "tibial plateau, medial"
    PLATEAU_BICONDYLAR = "tibial plateau, bicondylar"
    PLATEAU_SHAFT = "tibial plateau, off the shaft"
    PILON = "pilon"
    MEDIAL_MALLEOLUS = "medial malleolus"
    POSTERIOR_MALLEOLUS = "posterior malleolus"
    LATERAL_MALLEOLUS = "lateral malleolus"
    TRANSVERSE = "shaft, transverse"
    OBLIQUE = "shaft, oblique"
    SPIRAL = "shaft, spiral"
    BUTTERFLY = "shaft, butterfly"
    FEMORAL_NECK = "femoral neck"
    TROCHANTERIC = "trochanteric"
    SUPRACONDYLAR = "supracondylar"
    INTERCONDYLAR = "intercondylar"
    CONDYLE = "femoral condyle"
    HOFFA = "femoral condyle, coronal"
    PATELLA_TRANSVERSE = "patella, transverse"
    PATELLA_STELLATE = "patella, stellate"
    ANTERIOR_COLUMN = "acetabulum, anterior column"
    POSTERIOR_COLUMN = "acetabulum, posterior column"
    ACETABULUM_TRANSVERSE = "acetabulum, transverse"
    RAMI = "pubic rami"
    ILIAC_WING = "iliac wing"
    SACRAL_ALA = "sacral ala"


@dataclass(frozen=True)
class Wound:
    """What a fracture does to the HU, except for `HALVES`.

    Blood of `blood_hu` fills the gaps. Bone within about `band_mm` of the line is changed by
    `beside_hu`: a little less where trabeculae are lost, more where they are driven together.
    """

    blood_hu: float = 55.0
    beside_hu: float = -30.0
    band_mm: float = 2.0


@dataclass(frozen=True)
class Fracture:
    """A fracture of one bone.

    `centre_mm` is the height in the bone's own frame of a fracture whose pattern names no place:
    halves, random, crack and those of a shaft. A pattern makes its own large fragments; further
    ones are broken off near it up to `pieces`, and `chips` small ones (about 50–1000 mm³) at the
    surface. `HALVES` has a gap of `gap_mm` everywhere. In all others the gap grows from none to
    `gap_mm` across a fracture surface, whose share `closed` (0 to 1) has none, and fragments are
    driven `impaction_mm` into the largest. `cracks` lines end inside the bone. `roughness_mm` is
    the height of the bumps about 14 mm apart; finer bumps are lower, coarser ones higher.
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
    pattern: FracturePattern = FracturePattern.HALVES
    closed: float = 0.4
    impaction_mm: float = 0.0
    cracks: int = 0
    wound: Wound = Wound()
