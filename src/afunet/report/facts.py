"""What a report says: plain values that go to JSON as they are. No field can name a patient."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from afunet.formats.findings import Finding
from afunet.formats.scan import Source

FRAME = "LPS patient coordinates (DICOM): x to the left, y to the back, z to the head"
DISCLAIMER = "Research software. Not a medical device; not for diagnosis or treatment."


@dataclass(frozen=True)
class GridFacts:
    """The scan's grid: (column, row, slice) counts and spacing, and whether mm are real."""

    size: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    spacing_known: bool
    orientation: str


@dataclass(frozen=True)
class ModelFacts:
    """Which network gave the mask, and the digest of its weights."""

    name: str
    options: Mapping[str, Any]
    sha256: str
    window_hu: tuple[float, float]
    working_pixels: tuple[int, int]
    patch_px: int


@dataclass(frozen=True)
class RunFacts:
    """Where and how long it ran; seconds by stage, memory of the whole process."""

    version: str
    device: str
    arithmetic: str
    trial_seconds_per_window: Mapping[str, float]
    fallbacks: Sequence[str]
    windows: int
    seconds: Mapping[str, float]
    peak_memory_mb: float | None


@dataclass(frozen=True)
class BoneFacts:
    """The mask in numbers, and what the clean-up did to it."""

    volume_cm3: float
    pieces: int
    slices_with_bone: int
    slices: int
    cleanup: Mapping[str, float]


@dataclass(frozen=True)
class SurfaceFacts:
    """The surface in numbers."""

    triangles: int
    area_cm2: float
    enclosed_cm3: float
    open_edges: int
    nonmanifold_edges: int
    watertight: bool
    frame: str
    unit: str
    renderer: str


@dataclass(frozen=True)
class PieceFacts:
    """One bone or fragment: what it is called, its size, place, density and surface.

    Lengths are in mm where the spacing is known, else in voxels. `centre_mm` is in LPS;
    `nearest` is the name of the nearest other piece, "" where none lies near. HU are None without
    a scan; `deviation_mm` is the mean, 95th percentile and largest distance from the mask.
    `nonmanifold_edges` are those of more than two triangles; `watertight` is no edge of any ill.
    """

    name: str
    label: int
    volume_mm3: float
    area_mm2: float
    length_mm: float
    extent_mm: tuple[float, float, float]
    centre_mm: tuple[float, float, float]
    lowest_mm: tuple[float, float, float]
    highest_mm: tuple[float, float, float]
    mean_hu: float | None
    low_hu: float | None
    high_hu: float | None
    nearest: str
    gap_mm: float | None
    deviation_mm: tuple[float, float, float]
    volume_change: float
    triangles: int
    open_edges: int
    nonmanifold_edges: int
    watertight: bool


@dataclass(frozen=True)
class Report:
    """One case, from what was read to what was written."""

    case: str
    source: Source
    grid: GridFacts
    findings: Sequence[Finding]
    model: ModelFacts
    bone: BoneFacts
    surface: SurfaceFacts
    pieces: Sequence[PieceFacts]
    run: RunFacts
    files: Sequence[str]
    disclaimer: str = DISCLAIMER

    def to_json(self) -> str:
        """Indented JSON, keys as the fields are named."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"
