"""The facts of a report: plain values, written to JSON unchanged. No field can name a patient."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from afunet.findings import Finding, Severity
from afunet.formats.plane import plane_name
from afunet.formats.scan import Scan, Source
from afunet.fragments.cut import Cut
from afunet.geometry import Mesh, Volume
from afunet.geometry.labels import label_sizes
from afunet.models.expected_dice import DiceInterval
from afunet.models.header import Header
from afunet.reconstruction.pieces import Instances, Piece
from afunet.reconstruction.surface import EMPTY_MESH
from afunet.report.not_written import NotWritten

FRAME = "LPS patient coordinates (DICOM): x to the left, y to the back, z to the head"
DISCLAIMER = "Research software. Not a medical device; not for diagnosis or treatment."


@dataclass(frozen=True)
class GridFacts:
    """The scan's grid: counts and spacing (column, row, slice); whether the spacing is known."""

    size: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    spacing_known: bool
    orientation: str

    @classmethod
    def of(cls, scan: Scan) -> GridFacts:
        """Return size, spacing and orientation of a scan."""
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
    """The network that predicted the mask, and the digest of its weights."""

    name: str
    options: Mapping[str, Any]
    sha256: str
    window_hu: tuple[float, float]
    working_pixels: tuple[int, int]
    patch_px: int

    @classmethod
    def of(cls, header: Header, sha256: str, working_pixels: tuple[int, int]) -> ModelFacts:
        """Return the network of a checkpoint; `working_pixels` is its (row, column) slice size."""
        return cls(
            header.model, header.options, sha256, header.window_hu, working_pixels, header.patch_px
        )


@dataclass(frozen=True)
class RunFacts:
    """The device, runtime and number format, seconds by stage, the memory of the whole process.

    `choice` is the reason for the runtime and the number format. The network saw `windows` of so
    many `pixels` together, on its own grid. `fast` says that the fast weights were preferred and no
    slice was mirrored.
    """

    version: str
    device: str
    runtime: str
    arithmetic: str
    choice: str
    trial_seconds_per_window: Mapping[str, float]
    fallbacks: Sequence[str]
    windows: int
    pixels: int
    seconds: Mapping[str, float]
    peak_memory_mb: float | None
    fast: bool = False


@dataclass(frozen=True)
class BoneFacts:
    """The mask in numbers, and what the clean-up did to it.

    `pieces` counts the separated bones and fragments, also those beyond the number that is
    measured; `smallest_piece_mm3` is the volume of the smallest, 0 if there is none.
    """

    volume_cm3: float
    pieces: int
    smallest_piece_mm3: float
    slices_with_bone: int
    slices: int
    cleanup: Mapping[str, float]

    @classmethod
    def of(cls, mask: Volume, instances: Instances, cleanup: Mapping[str, float]) -> BoneFacts:
        """Return the numbers of the cleaned mask and of the pieces that it was divided into."""
        sizes = label_sizes(instances.labels.voxels)
        sizes = sizes[sizes > 0]
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
        """Return the numbers of a surface that `renderer` drew; None counts as empty."""
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
    """The confidence in one axial slice; `number` as a viewer counts it, from 1.

    `probability_dice` is the Dice that follows from the calibrated probability alone: it ranks
    slices, but is not a reliable value. `step_from_below` is the apparent distance from the slice
    below (towards the feet), in slices, judged by how bone and soft tissue change nearby;
    `flip_dice` is the Dice between the mask and the mask of the mirrored slice. None means not
    known or not tried.
    """

    number: int
    bone_pixels: int
    expected_dice: DiceInterval | None
    probability_dice: float
    step_from_below: float | None
    flip_dice: float | None


@dataclass(frozen=True)
class PieceConfidenceFacts:
    """The confidence in one piece, and the share of its outline below a probability of 0.75.

    The confidence is its mean probability, and the probability that its surest tenth reaches.
    """

    label: int
    mean_probability: float
    surest_probability: float
    unsure_outline: float


@dataclass(frozen=True)
class ConfidenceFacts:
    """The confidence in the mask, for each slice with bone (feet first) and for each piece.

    `expected_dice` is the interval for all slices together, None if it is not known; `coverage`
    is the share of true values that should lie in it. `words` say this in sentences, or why it is
    not known.
    """

    calibration: tuple[float, float]
    expected_dice: DiceInterval | None
    slices: Sequence[SliceConfidenceFacts]
    pieces: Sequence[PieceConfidenceFacts]
    coverage: float | None = None
    words: str = ""


@dataclass(frozen=True)
class FlagFacts:
    """A flag: what is or may be wrong with the result, and where to look.

    `slice` is an axial slice as a viewer counts it, from 1; `piece` a piece's label; `box` the
    rows and columns (top, left, bottom, right) in that slice, turned to the usual radiological
    view: the patient's right at the left, anterior up. Each is None if the flag is not about a
    single one. `doubtful_mm3` estimates how much of the result is in doubt, in voxels if the
    spacing is unknown. `centre_mm` is the place in LPS mm of a flag about one of the report's
    `suspected` cuts, None for others.
    """

    code: str
    severity: Severity
    message: str
    slice: int | None = None
    piece: int | None = None
    box: tuple[int, int, int, int] | None = None
    doubtful_mm3: float = 0.0
    centre_mm: tuple[float, float, float] | None = None


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
    cuts: Sequence[Cut] = ()
    suspected: Sequence[Cut] = ()
    disclaimer: str = DISCLAIMER

    def to_json(self) -> str:
        """Return indented JSON; its keys are the names of the fields."""
        facts = asdict(replace(self, pieces=())) | {
            "pieces": [piece.to_json() for piece in self.pieces]
        }
        return json.dumps(facts, indent=2, ensure_ascii=False) + "\n"
