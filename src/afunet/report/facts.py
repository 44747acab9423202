"""What a report says: plain values that go to JSON as they are. No field can name a patient."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from afunet.findings import SIDES_UNKNOWN, Finding, Severity
from afunet.formats.scan import Source

FRAME = "LPS patient coordinates (DICOM): x to the left, y to the back, z to the head"
DISCLAIMER = "Research software. Not a medical device; not for diagnosis or treatment."


def sides_known(source: Source, findings: Iterable[Finding]) -> bool:
    """Whether the patient's left and right are known in a scan that is from `source`."""
    return source.spacing_known and not SIDES_UNKNOWN & {finding.code for finding in findings}


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
    """The mask in numbers, and what the clean-up did to it.

    `pieces` counts bones and fragments as they are told apart, those too many to be measured too;
    `smallest_piece_mm3` is the volume of the smallest, 0 where there is none.
    """

    volume_cm3: float
    pieces: int
    smallest_piece_mm3: float
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

    `bone` is "unknown" and `side` "" where they are not known; `sureness` and `side_sureness` are
    how often such a name and such a side are right. `rank` 1 is the largest piece of a bone.
    Lengths are in mm where the spacing is known, else in voxels. `centre_mm` is in LPS; `nearest`
    is the name of the nearest other piece, "" where none lies near. HU are None without a scan;
    `deviation_mm` is the mean, 95th percentile and largest distance from the mask. `open_edges`
    belong to one triangle, `nonmanifold_edges` to more than two; `watertight` means neither kind.
    """

    name: str
    bone: str
    side: str
    sureness: float
    side_sureness: float
    rank: int
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
class ExpectedDice:
    """Between which values the Dice with the true bone is expected, and the likeliest."""

    low: float
    middle: float
    high: float

    def __str__(self) -> str:
        """The interval as it is shown: `0.95 to 0.98`."""
        low, high = f"{self.low:.2f}", f"{self.high:.2f}"
        return low if low == high else f"{low} to {high}"


@dataclass(frozen=True)
class SliceConfidenceFacts:
    """How sure one axial slice is; `number` as a viewer counts it, from 1.

    `probability_dice` is the Dice that the calibrated probability expects by itself: an order, not
    a value to rely on. `step_from_below` is how many slices on the step from the slice below
    (towards the feet) leads, judged by what bone and flesh change nearby; `flip_dice` is the
    overlap with the mask of the mirrored slice. None: not known, or not tried.
    """

    number: int
    bone_pixels: int
    expected_dice: ExpectedDice | None
    probability_dice: float
    step_from_below: float | None
    flip_dice: float | None


@dataclass(frozen=True)
class PieceConfidenceFacts:
    """How sure one piece is, and the share of its outline below a probability of 0.75.

    The mean probability in it, and what the surest tenth of its voxels reaches.
    """

    label: int
    mean_probability: float
    surest_probability: float
    unsure_outline: float


@dataclass(frozen=True)
class ConfidenceFacts:
    """How sure the mask is, slice by slice with bone (feet first) and piece by piece.

    `expected_dice` is that of all slices together, None where it is not known; `coverage` is how
    often the true one should lie in it. `words` say it in a sentence, or why it is not known.
    """

    calibration: tuple[float, float]
    expected_dice: ExpectedDice | None
    slices: Sequence[SliceConfidenceFacts]
    pieces: Sequence[PieceConfidenceFacts]
    coverage: float | None = None
    words: str = ""


@dataclass(frozen=True)
class FlagFacts:
    """What is or may be wrong with the result, in words, and where to look.

    `slice` is an axial slice as a viewer counts it, from 1; `piece` a piece's label; `box` the
    rows and columns (top, left, bottom, right) in that slice turned to radiologists' usual view:
    the patient's right at the left, anterior up. None: about no single one. `doubtful_mm3` is about
    how much of the result is in doubt (voxels where the spacing is not known).
    """

    code: str
    severity: Severity
    message: str
    slice: int | None = None
    piece: int | None = None
    box: tuple[int, int, int, int] | None = None
    doubtful_mm3: float = 0.0


@dataclass(frozen=True)
class NotWritten:
    """A result that was asked for and could not be written: its format, why, the fault's code."""

    format: str
    reason: str
    code: str


@dataclass(frozen=True)
class Report:
    """One case, from what was read to what was written."""

    case: str
    source: Source
    grid: GridFacts
    findings: Sequence[Finding]
    flags: Sequence[FlagFacts]
    confidence: ConfidenceFacts
    model: ModelFacts
    bone: BoneFacts
    surface: SurfaceFacts
    pieces: Sequence[PieceFacts]
    run: RunFacts
    files: Sequence[str]
    not_written: Sequence[NotWritten] = ()
    disclaimer: str = DISCLAIMER

    def to_json(self) -> str:
        """Indented JSON, keys as the fields are named."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"
