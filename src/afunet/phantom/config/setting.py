"""Configuration of the surroundings of the body and of the scanner."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from afunet.errors import ConfigError


class TableKind(StrEnum):
    """Kinds of table."""

    NONE = "none"
    CURVED = "curved shell"
    DOUBLE = "two curved shells"
    FLAT = "flat board"
    TRAY = "closed tray"


@dataclass(frozen=True)
class Cast:
    """A cast (all round) or splint (behind): HU, distance to the skin, thickness, breaks.

    `gap_mm` is measured from the skin to the middle of the shell. `grain` is the variation of its
    HU, `unevenness` that of its thickness. With `side`, only that one of two legs has the cast.
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
    """Table, cast and objects outside the body; none of them is labelled."""

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


@dataclass(frozen=True)
class Scanner:
    """The scanner: slice thickness, blur, noise and artefacts.

    `thickness_mm` None means the distance between slices, at most 5 mm. `psf_mm` is the full width
    at half maximum in the slice, `sharpness` the overshoot of a bone kernel (0 to 1).
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
                f"noise_hu, psf_mm and grain_mm must not be negative, got {self.noise_hu}, "
                f"{self.psf_mm} and {self.grain_mm}"
            )
