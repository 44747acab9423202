"""What a report says: plain values that go to JSON as they are. No field can name a patient."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from afunet.findings import Finding, Severity
from afunet.formats.plane import plane_name
from afunet.formats.scan import Scan, Source
from afunet.geometry import Mesh, Volume
from afunet.models.checkpoint import Header
from afunet.models.expected_dice import DiceInterval
from afunet.reconstruction.pieces import Instances, Piece
from afunet.reconstruction.surface import EMPTY_MESH
from afunet.report.not_written import NotWritten

FRAME = "LPS patient coordinates (DICOM): x to the left, y to the back, z to the head"
DISCLAIMER = "Research software. Not a medical device; not for diagnosis or treatment."


@dataclass(frozen=True)
class GridFacts:
    """The scan's grid: (column, row, slice) counts and spacing, and whether mm are real."""

    size: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    spacing_known: bool
    orientation: str

    @classmethod
    def of(cls, scan: Scan) -> GridFacts:
        """Size, spacing and orientation of a scan."""
        slices, rows, columns = scan.volume.shape
        column_mm, row_mm, slice_mm = (float(value) for value in scan.volume.spacing_mm)
        return cls(
            size=(columns, rows, slices),
            spacing_mm=(column_mm, row_mm, slice_mm),
            spacing_known=scan.source.spacing_known,
            orientation=plane_name(scan.volume.affine[:3, 2]),
        )


@dataclass(frozen=True)
class ModelFacts:
    """Which network gave the mask, and the digest of its weights."""

    name: str
    options: Mapping[str, Any]
    sha256: str
    window_hu: tuple[float, float]
    working_pixels: tuple[int, int]
    patch_px: int

    @classmethod
    def of(cls, header: Header, sha256: str, working_pixels: tuple[int, int]) -> ModelFacts:
        """The network of a checkpoint, on slices of so many (row, column) pixels."""
        return cls(
            header.model, header.options, sha256, header.window_hu, working_pixels, header.patch_px
        )


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

    @classmethod
    def of(cls, mask: Volume, instances: Instances, cleanup: Mapping[str, float]) -> BoneFacts:
        """The cleaned mask in numbers; pieces are those it was split into."""
        labels = instances.labels.voxels
        # Slice by slice: NumPy counts in a copy of eight bytes a voxel.
        counts = [np.bincount(plane.ravel(), minlength=int(labels.max()) + 1) for plane in labels]
        sizes = np.sum(counts, axis=0)[1:]
        return cls(
            volume_cm3=float(np.count_nonzero(mask.voxels)) * mask.voxel_volume_mm3 / 1000,
            pieces=len(sizes),
            smallest_piece_mm3=float(min(sizes, default=0)) * mask.voxel_volume_mm3,
            slices_with_bone=int(mask.voxels.any(axis=(1, 2)).sum()),
            slices=mask.shape[0],
            cleanup=cleanup,
        )


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

    @classmethod
    def of(cls, mesh: Mesh | None, renderer: str, *, spacing_known: bool) -> SurfaceFacts:
        """A surface that `renderer` drew; None has no triangle."""
        mesh = EMPTY_MESH if mesh is None else mesh
        return cls(
            triangles=len(mesh.faces),
            area_cm2=0.0 if mesh.is_empty else mesh.area_mm2 / 100,
            enclosed_cm3=mesh.volume_mm3 / 1000,
            open_edges=mesh.open_edges,
            nonmanifold_edges=mesh.nonmanifold_edges,
            watertight=mesh.is_watertight,
            frame=FRAME,
            unit="mm" if spacing_known else "voxels",
            renderer=renderer,
        )


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
    expected_dice: DiceInterval | None
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
    expected_dice: DiceInterval | None
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
    pieces: Sequence[Piece]
    run: RunFacts
    files: Sequence[str]
    not_written: Sequence[NotWritten] = ()
    disclaimer: str = DISCLAIMER

    def to_json(self) -> str:
        """Indented JSON, keys as the fields are named."""
        facts = asdict(replace(self, pieces=())) | {
            "pieces": [piece.to_json() for piece in self.pieces]
        }
        return json.dumps(facts, indent=2, ensure_ascii=False) + "\n"
