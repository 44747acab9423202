"""Segment a CT: a scan in; mask, surfaces, pictures and report out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import overload

from afunet.errors import ConfigError, OutputError
from afunet.findings import Finding
from afunet.formats.dicom.segmentation_kind import SegmentationKind
from afunet.formats.file_search import existing_paths
from afunet.formats.in_memory import is_image
from afunet.formats.readers import Image, read_scan
from afunet.formats.scan import Scan
from afunet.geometry import Mesh, Volume
from afunet.inference.cleanup import CleanUpRules
from afunet.inference.device_choice import DeviceChoice
from afunet.inference.runtime_choice import RuntimeChoice
from afunet.reconstruction.decimation import require_limits
from afunet.reconstruction.pieces import Instances, Piece
from afunet.report.case import facts
from afunet.watch import UNWATCHED, Watch
from afunet.workflows.analyse import PLAN as ANALYSIS
from afunet.workflows.analyse import AnalysisRules, analyse_timed
from afunet.workflows.attempts import Attempts, WrittenResults
from afunet.workflows.case_pages import OVERLAY, REPORT_HTML, REPORT_JSON, SCENE
from afunet.workflows.case_writing import PLAN as CASE_WRITING
from afunet.workflows.case_writing import CaseWriter, WantedResults, report_of, run_facts
from afunet.workflows.edit_list import require_unedited
from afunet.workflows.network import PLAN as LOADING_PLAN
from afunet.workflows.network import load_network
from afunet.workflows.result_files import (
    DOCUMENT,
    PDF,
    require_formats,
    require_source_for,
    results_of,
)
from afunet.workflows.staging import check_writable, staged_folder
from afunet.workflows.stopwatch import Stopwatch
from afunet.workflows.titles import UNTITLED, title_of

START_UP, LOADING = "start-up", "loading"
CASE_PLAN = (*ANALYSIS, *CASE_WRITING)
PLAN = (*LOADING_PLAN, *CASE_PLAN)


@dataclass(frozen=True)
class SegmentOptions:
    """The user's choices. If `weights` is None, the shipped weights are used.

    `strict` refuses a scan whose geometry would have to be corrected. `formats` are names of
    `RESULT_FORMATS`. `segmentation_kind` is how a DICOM Segmentation stores its voxels.
    `deidentify` leaves the patient out of DICOM results; other results never name the patient.
    `max_triangles` and `max_error_mm` simplify each surface (`AnalysisRules`). `fast` takes the
    fast ones of the shipped weights, and leaves out the mirrored slices.
    """

    weights: str | Path | None = None
    device: DeviceChoice = DeviceChoice.AUTO
    runtime: RuntimeChoice = RuntimeChoice.AUTO
    series: str | None = None
    spacing_mm: tuple[float, float, float] | None = None
    strict: bool = False
    formats: tuple[str, ...] = ("nifti", "stl")
    segmentation_kind: SegmentationKind = SegmentationKind.BINARY
    deidentify: bool = False
    cleanup: CleanUpRules = field(default_factory=CleanUpRules)
    max_triangles: int | None = None
    max_error_mm: float | None = None
    fast: bool = False

    def __post_init__(self) -> None:
        require_formats(self.formats)
        require_limits(self.max_triangles, self.max_error_mm)
        kinds = (DeviceChoice, RuntimeChoice, SegmentationKind)
        for name, kind in zip(("device", "runtime", "segmentation_kind"), kinds, strict=True):
            value = getattr(self, name)
            if value not in tuple(kind):
                raise ConfigError(f"unknown {name} {value!r}: choose from {', '.join(kind)}")
            object.__setattr__(self, name, kind(value))

    @property
    def rules(self) -> AnalysisRules:
        """The rules for the analysis."""
        return AnalysisRules(self.cleanup, self.max_triangles, self.max_error_mm, fast=self.fast)


@dataclass(frozen=True, eq=False)
class Case:
    """The result for a scan: the report, the mask (0/1 on the scan's grid) and the pieces.

    `mesh` is the surface of all bone in LPS mm, None if it could not be made. `classes` holds the
    class of each voxel of the mask, from 1; it is None if the network knows bone alone.
    `report.not_written` lists the missing results.
    """

    report: facts.Report
    mask: Volume
    instances: Instances
    mesh: Mesh | None
    classes: Volume | None

    @property
    def labels(self) -> Volume:
        """The label of each piece on the scan's grid, 1 being the largest, 0 outside."""
        return self.instances.labels

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """Bones and fragments with names, sides and measures, the largest first."""
        return self.instances.pieces

    @property
    def meshes(self) -> dict[str, Mesh]:
        """The surface of each piece in LPS mm, by its name."""
        surfaces = self.instances.surfaces
        return {piece.name: mesh for piece, mesh in zip(self.pieces, surfaces, strict=True)}


@dataclass(frozen=True, eq=False)
class SegmentedCase(Case):
    """A finished case and the folder of its files."""

    folder: Path


class Segmenter:
    """A loaded network and its options, for any number of scans.

    The report of the first scan counts the seconds of loading, and of a command's `start_up`.
    """

    def __init__(
        self,
        options: SegmentOptions | None = None,
        *,
        watch: Watch = UNWATCHED,
        start_up: float | None = None,
    ) -> None:
        self.options = options or SegmentOptions()
        chosen = self.options
        stopwatch = Stopwatch() if start_up is None else Stopwatch({START_UP: start_up})
        with stopwatch.stage(LOADING):
            self.network = load_network(
                chosen.weights, chosen.device, watch, runtime=chosen.runtime, fast=chosen.fast
            )
        self._before = stopwatch.seconds

    def find(self, source: Image | Scan, *, case: str = UNTITLED, watch: Watch = UNWATCHED) -> Case:
        """Find the bones in a scan and write nothing.

        `source` is anything that `read_scan` reads, or a `Scan`. What could not be made is listed
        in `report.not_written`. Raises `AfunetError` if there is no result at all.
        """
        stopwatch = self._stopwatch()
        scan = self._read(source, stopwatch, watch)
        found = analyse_timed(scan, self.network, self.options.rules, watch, stopwatch)
        attempts = Attempts(found.missing, found.stacks)
        report = report_of(found, case, (), run_facts(found, stopwatch.seconds), attempts)
        report = replace(report, not_written=tuple(attempts.missing))
        return Case(report, found.mask, found.instances, found.mesh, found.classes)

    def segment(
        self,
        path: Image | Scan,
        output: str | Path,
        *,
        case: str | None = None,
        identity: str = "",
        watch: Watch = UNWATCHED,
    ) -> SegmentedCase:
        """Read a scan, find its bones, and write all files into the folder `output`.

        `case` is the scan's title in the report and must not name the patient; None takes the name
        of `path` unless that may name the patient (`title_of`). A result that cannot be made or
        written is listed in `report.not_written`; the others are still written. Raises
        `AfunetError` if there is no result at all; then nothing is written. A run with the same
        `identity` gives its DICOM results the same UIDs, so that an archive replaces the earlier
        ones.
        """
        stopwatch = self._stopwatch()
        require_possible(path, output, self.options)
        output = Path(output)
        title, named = (case, []) if case is not None else _title_of(path)
        scan = self._read(path, stopwatch, watch)
        require_source_for(self.options.formats, scan, deidentified=self.options.deidentify)
        found = analyse_timed(scan, self.network, self.options.rules, watch, stopwatch)
        attempts = Attempts(found.missing, found.stacks)
        with staged_folder(output, "segment") as stage:
            written = WrittenResults(stage, attempts)
            writer = CaseWriter(found, self._wanted(identity), written, watch, stopwatch)
            writer.write_results()
            writer.write_pictures()
            report = writer.write_report(title, named)
            written.require_any()
        return SegmentedCase(report, found.mask, found.instances, found.mesh, found.classes, output)

    def _stopwatch(self) -> Stopwatch:
        """Return a running stopwatch; the first one has the seconds of start-up and loading."""
        before, self._before = self._before, dict.fromkeys(self._before, 0.0)
        return Stopwatch(before)

    def _read(self, source: Image | Scan, stopwatch: Stopwatch, watch: Watch) -> Scan:
        with stopwatch.stage("reading"):
            if isinstance(source, Scan):
                _require_unread_options(self.options)
                return source
            return read_scan(
                source,
                series=self.options.series,
                spacing_mm=self.options.spacing_mm,
                strict=self.options.strict,
                watch=watch,
            )

    def _wanted(self, identity: str) -> WantedResults:
        options = self.options
        return WantedResults(
            options.formats, options.segmentation_kind, options.deidentify, identity
        )


@overload
def segment(
    source: Image | Scan,
    output: None = None,
    options: SegmentOptions | None = None,
    *,
    spacing_mm: tuple[float, float, float] | None = None,
    watch: Watch = UNWATCHED,
) -> Case: ...


@overload
def segment(
    source: Image | Scan,
    output: str | Path,
    options: SegmentOptions | None = None,
    *,
    spacing_mm: tuple[float, float, float] | None = None,
    watch: Watch = UNWATCHED,
) -> SegmentedCase: ...


def segment(
    source: Image | Scan,
    output: str | Path | None = None,
    options: SegmentOptions | None = None,
    *,
    spacing_mm: tuple[float, float, float] | None = None,
    watch: Watch = UNWATCHED,
) -> Case:
    """Load a network and segment one scan, from a path or from memory (`read_scan`).

    With a folder `output` all files are written there (`Segmenter.segment`); without one nothing
    is written (`Segmenter.find`). `spacing_mm` is the voxel size (column, row, slice) of an array
    or of PNG slices; it takes precedence over that of `options`.
    """
    options = options or SegmentOptions()
    if not isinstance(options, SegmentOptions):
        raise ConfigError(
            f"options are a {type(options).__name__}, expected SegmentOptions: make one of them"
        )
    options = replace(options, spacing_mm=options.spacing_mm if spacing_mm is None else spacing_mm)
    if output is None:
        return Segmenter(options, watch=watch).find(source, watch=watch)
    require_possible(source, output, options)
    return Segmenter(options, watch=watch).segment(source, output, watch=watch)


def require_possible(source: Image | Scan, output: str | Path, options: SegmentOptions) -> None:
    """Check input and output before a network is loaded.

    Raises `InputError` if nothing at a path can be opened, and `OutputError` if the results could
    not be written to the folder `output`.
    """
    if not (isinstance(source, Scan) or is_image(source)):
        existing_paths(source)
    if not isinstance(output, str | PathLike) or not str(output):
        raise OutputError(
            f"the output is {output!r}, expected the path of a folder", code="NOT_A_FOLDER"
        )
    names = [name for name, _ in results_of(options.formats)]
    pages = (OVERLAY, SCENE, *([DOCUMENT] if PDF in options.formats else []), REPORT_HTML)
    check_writable(Path(output), "segment", (*names, *pages, REPORT_JSON))
    require_unedited(Path(output))


def _require_unread_options(options: SegmentOptions) -> None:
    """Raise `ConfigError` for options that a scan can only follow while it is read."""
    if options.series is not None or options.spacing_mm is not None:
        raise ConfigError(
            "series and spacing_mm have no effect on a Scan: give them to read_scan",
            code="OPTIONS_CLASH",
        )


def _title_of(source: Image | Scan) -> tuple[str, list[Finding]]:
    """Return the title of a path, and findings about it; a scan in memory has no name."""
    return title_of(Path(source)) if isinstance(source, str | Path) else (UNTITLED, [])
