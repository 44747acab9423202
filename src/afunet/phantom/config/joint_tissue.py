"""Configuration of dense tissue in the joints, which is no bone but nearly as bright."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from afunet.errors import ConfigError


class JointTissueKind(StrEnum):
    """Kinds of dense tissue."""

    BLOOD = "blood"
    CONTRAST = "contrast medium"
    SYNOVIUM = "synovium"
    TOPHI = "tophi"


class JointSpace(StrEnum):
    """The spaces that it fills; all but the last two are in the knee."""

    NOTCH = "notch between the condyles"
    SPINES = "around the tibial spines"
    BEHIND = "behind the condyles"
    CYST = "popliteal cyst"
    POPLITEUS = "popliteus tendon"
    PAD = "under the patellar tendon"
    BESIDE_PATELLA = "beside the patella"
    GUTTERS = "beside the condyles"
    ABOVE_PATELLA = "above the patella"
    LINING = "lining of the whole knee"
    HIP = "hip"
    ANKLE = "ankle"


@dataclass(frozen=True)
class JointTissue:
    """Dense tissue of one kind in some spaces; none of it is labelled.

    `fill` is the share of the spaces that it fills. `hu` is its HU, `host_hu` that of what it is
    mixed with: serum over blood cells, fluid that dilutes contrast medium, tissue around tophi.
    `mixing` (0 to 1) is the share of the latter in a mixture, `contrast` the relative variation of
    `hu` over grains of `grain_mm`. Lobes of about `lobe_mm` shape its surface, which is soft over
    `edge_mm`; it is at most `thick_mm` thick where it lines bone, and `gap_mm` away from bone.
    Behind `level_mm` (LPS y from the joint's middle) what is heavy has settled; in front of
    `fat_level_mm` fat floats. With `side`, only that one of two legs has it.
    """

    kind: JointTissueKind
    spaces: tuple[JointSpace, ...]
    fill: float = 1.0
    hu: float = 150.0
    host_hu: float = 60.0
    mixing: float = 0.3
    contrast: float = 0.2
    grain_mm: float = 2.0
    lobe_mm: float = 3.0
    edge_mm: float = 1.5
    thick_mm: float = 7.0
    gap_mm: float = 0.0
    level_mm: float | None = None
    fat_level_mm: float | None = None
    side: str | None = None

    def __post_init__(self) -> None:
        if not 0 < self.fill <= 1 or min(self.grain_mm, self.edge_mm, self.thick_mm) <= 0:
            raise ConfigError(
                f"fill must be in (0, 1] and grain_mm, edge_mm and thick_mm above 0, got "
                f"{self.fill}, {self.grain_mm}, {self.edge_mm} and {self.thick_mm}"
            )
