"""The main job: a CT in; mask, surface, pictures and report out."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from afunet.formats.dicom.result import Algorithm
from afunet.formats.dicom.segmentation import SegmentationKind
from afunet.formats.file_search import existing_paths
from afunet.formats.readers import read_scan
from afunet.geometry import Volume
from afunet.inference.cleanup import CleanUpRules
from afunet.inference.device import DeviceChoice, best_engine, pick_device
from afunet.inference.predictor import Predictor
from afunet.models.checkpoint import load_checkpoint, require_bone_alone
from afunet.models.shipped import shipped_path
from afunet.plan import Step
from afunet.reconstruction.decimation import require_limits
from afunet.report import facts
from afunet.watch import UNWATCHED, Watch
from afunet.workflows.analyse import PLAN as ANALYSIS
from afunet.workflows.analyse import AnalysisRules, analyse
from afunet.workflows.attempts import Attempts, WrittenResults
from afunet.workflows.case_pages import OVERLAY, REPORT_HTML, REPORT_JSON, SCENE
from afunet.workflows.case_writing import PLAN as CASE_WRITING
from afunet.workflows.case_writing import CaseWriter, WantedResults
from afunet.workflows.result_files import require_formats, require_source_for, results_of
from afunet.workflows.staging import check_writable, staged_folder
from afunet.workflows.stopwatch import Stopwatch, peak_memory_mb
from afunet.workflows.titles import title_of

MAX_TRIANGLES = 2_000_000
LOADING, TRYING = "loading the network", "trying the arithmetic"
LOADING_PLAN = (Step(LOADING), Step(TRYING))
CASE_PLAN = (*ANALYSIS, *CASE_WRITING)
PLAN = (*LOADING_PLAN, *CASE_PLAN)


@dataclass(frozen=True)
class SegmentOptions:
    """What a user may choose. `weights` None takes the weights that come with afunet.

    `strict` refuses a scan whose geometry would have to be mended; `formats` are names of
    `RESULT_FORMATS`, `segmentation_kind` is how a DICOM Segmentation stores its voxels;
    `deidentify` leaves the patient out of DICOM results, other results never name him.
    `max_triangles` and `max_error_mm` simplify each surface (`decimated`), to `MAX_TRIANGLES` at
    most.
    """

    weights: Path | None = None
    device: DeviceChoice = DeviceChoice.AUTO
    series: str | None = None
    spacing_mm: tuple[float, float, float] | None = None
    strict: bool = False
    formats: tuple[str, ...] = ("nifti", "stl")
    segmentation_kind: SegmentationKind = SegmentationKind.BINARY
    deidentify: bool = False
    cleanup: CleanUpRules = field(default_factory=CleanUpRules)
    max_triangles: int | None = None
    max_error_mm: float | None = None

    def __post_init__(self) -> None:
        require_formats(self.formats)
        require_limits(self.max_triangles, self.max_error_mm)


@dataclass(frozen=True, eq=False)
class SegmentedCase:
    """A finished case: where its files lie, its report, and its mask on the scan's grid.

    `report.not_written` tells which results are missing.
    """

    folder: Path
    report: facts.Report
    mask: Volume


class Segmenter:
    """A network that was loaded, checked and tried once, for any number of scans."""

    def __init__(
        self,
        options: SegmentOptions | None = None,
        *,
        watch: Watch = UNWATCHED,
    ) -> None:
        self.options = options or SegmentOptions()
        watch.tell(LOADING, 0, 1)
        self.checkpoint = load_checkpoint(self.options.weights or shipped_path())
        header, network = self.checkpoint.header, self.checkpoint.network()
        require_bone_alone(header)
        watch.tell(LOADING, 1, 1)
        watch.check()
        watch.tell(TRYING, 0, 1)
        self.engine, self.trial = best_engine(
            network, pick_device(self.options.device), header.patch_px, header.input_slices
        )
        watch.tell(TRYING, 1, 1)
        watch.check()

    def segment(
        self,
        path: str | Path,
        output: str | Path,
        *,
        case: str | None = None,
        watch: Watch = UNWATCHED,
    ) -> SegmentedCase:
        """Read a scan, find its bones, and write all files into the folder `output`.

        `case` names the scan in the report and must not name the patient; None takes the name of
        `path` where that cannot (`title_of`). A result that cannot be made or written is told in
        `report.not_written` and costs itself alone. Raises `AfunetError` in one line where there
        is no result at all; then nothing is written.
        """
        output = Path(output)
        require_possible(path, output, self.options)
        title, named = (case, []) if case is not None else title_of(Path(path))
        attempts, stopwatch = Attempts(), Stopwatch()
        with stopwatch.stage("reading"):
            scan = read_scan(
                path,
                series=self.options.series,
                spacing_mm=self.options.spacing_mm,
                strict=self.options.strict,
                watch=watch,
            )
        require_source_for(self.options.formats, scan, deidentified=self.options.deidentify)
        predictor = Predictor(self.engine, self.checkpoint.header.patch_px)
        found = analyse(
            scan,
            predictor,
            self.checkpoint.header,
            AnalysisRules(self.options.cleanup, self._max_triangles, self.options.max_error_mm),
            attempts=attempts,
            stopwatch=stopwatch,
            watch=watch,
        )
        with staged_folder(output, "segment") as stage:
            written = WrittenResults(stage, attempts)
            writer = CaseWriter(found, self._wanted(), written, watch)
            with stopwatch.stage("writing"):
                writer.write_results()
            with stopwatch.stage("pictures"):
                writer.write_pictures()
            report = writer.write_report(title, named, self._run_facts(predictor, stopwatch))
            written.require_any()
        return SegmentedCase(output, report, found.mask)

    @property
    def _max_triangles(self) -> int:
        return min(self.options.max_triangles or MAX_TRIANGLES, MAX_TRIANGLES)

    def _wanted(self) -> WantedResults:
        checkpoint, options = self.checkpoint, self.options
        return WantedResults(
            options.formats,
            Algorithm(checkpoint.header.model, version("afunet"), checkpoint.sha256),
            checkpoint.header,
            options.cleanup,
            segmentation_kind=options.segmentation_kind,
            deidentified=options.deidentify,
        )

    def _run_facts(self, predictor: Predictor, watch: Stopwatch) -> facts.RunFacts:
        engine = predictor.engine
        return facts.RunFacts(
            version=version("afunet"),
            device=engine.device.type,
            arithmetic=str(engine.dtype).removeprefix("torch."),
            trial_seconds_per_window=self.trial.seconds_per_window,
            fallbacks=tuple(predictor.fallbacks),
            windows=predictor.windows,
            seconds=dict(watch.seconds),
            peak_memory_mb=peak_memory_mb(),
        )


def segment(
    path: str | Path,
    output: str | Path,
    options: SegmentOptions | None = None,
    *,
    watch: Watch = UNWATCHED,
) -> SegmentedCase:
    """One scan with a freshly loaded network; see `Segmenter.segment`."""
    require_possible(path, output, options or SegmentOptions())
    segmenter = Segmenter(options, watch=watch)
    return segmenter.segment(path, output, watch=watch)


def require_possible(path: str | Path, output: str | Path, options: SegmentOptions) -> None:
    """Fail before a network is loaded.

    Raises `InputError` where there is nothing at `path` that can be opened, `OutputError` where
    the results could not come into the folder `output`.
    """
    existing_paths(path)
    names = [name for name, _ in results_of(options.formats)]
    pages = (OVERLAY, SCENE, REPORT_HTML, REPORT_JSON)
    check_writable(Path(output), "segment", (*names, *pages))
