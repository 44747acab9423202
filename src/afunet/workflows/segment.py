"""The main job: a CT in; mask, surface, pictures and report out."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from afunet.formats.dicom.result import Algorithm
from afunet.formats.dicom.segmentation import SegmentationKind
from afunet.formats.readers import read_scan
from afunet.formats.scan import Scan
from afunet.geometry import Mesh, Volume
from afunet.inference.cleanup import CleanUpRules, clean_up
from afunet.inference.device import DeviceChoice, best_engine, pick_device
from afunet.inference.naming import bone_namer
from afunet.inference.predictor import Predictor
from afunet.inference.volume import Prediction, predict_volume
from afunet.models.checkpoint import load_checkpoint
from afunet.progress import CancelToken, Progress, silent
from afunet.reconstruction.anatomy import Namer
from afunet.reconstruction.decimation import require_limits
from afunet.reconstruction.pieces import Instances, find_pieces
from afunet.reconstruction.surface import surface
from afunet.report import facts
from afunet.workflows.case_pages import (
    PAGES,
    draw_pictures,
    sides_known,
    turning_view,
    write_report,
)
from afunet.workflows.case_report import (
    bone_facts,
    grid_facts,
    piece_facts,
    piece_findings,
    result_findings,
    surface_facts,
)
from afunet.workflows.result_files import (
    RESULT_FORMATS,
    CaseResults,
    require_formats,
    require_source_for,
)
from afunet.workflows.staging import check_writable, staged_folder
from afunet.workflows.stopwatch import Stopwatch, peak_memory_mb
from afunet.workflows.trust import confidence_facts, flag_facts, flag_pictures, judge

SHIPPED_WEIGHTS = "afunet-w32.safetensors"
MAX_TRIANGLES = 2_000_000


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
    """A finished case: where its files lie, its report, and its mask on the scan's grid."""

    folder: Path
    report: facts.Report
    mask: Volume


class Segmenter:
    """A network that was loaded, checked and tried once, for any number of scans."""

    def __init__(self, options: SegmentOptions | None = None) -> None:
        self.options = options or SegmentOptions()
        self.checkpoint = load_checkpoint(self.options.weights or shipped_weights())
        header = self.checkpoint.header
        inputs = int(header.options.get("input_slices", 1))
        self.engine, self.trial = best_engine(
            self.checkpoint.network(), pick_device(self.options.device), header.patch_px, inputs
        )

    def segment(
        self,
        path: str | Path,
        output: str | Path,
        *,
        case: str = "scan",
        progress: Progress = silent,
        cancel: CancelToken | None = None,
    ) -> SegmentedCase:
        """Read a scan, find its bones, and write all files into the folder `output`.

        `case` names the scan in the report; it must not name the patient. Raises `AfunetError`
        in one line; then nothing is written.
        """
        output = Path(output)
        check_writable(output)
        watch = Stopwatch()
        with watch.stage("reading"):
            scan = read_scan(
                path,
                series=self.options.series,
                spacing_mm=self.options.spacing_mm,
                strict=self.options.strict,
                progress=progress,
                cancel=cancel,
            )
        require_source_for(self.options.formats, scan)
        predictor = Predictor(self.engine, self.checkpoint.header.patch_px)
        with watch.stage("network"):
            prediction = predict_volume(
                scan.volume,
                predictor,
                self.checkpoint.header,
                spacing_known=scan.source.spacing_known,
                progress=progress,
                cancel=cancel,
            )
        with watch.stage("clean-up"):
            mask, cleaned = clean_up(prediction.mask, scan.volume, self.options.cleanup)
        with watch.stage("surface"):
            mesh = surface(
                mask,
                max_triangles=self._max_triangles,
                max_error_mm=self.options.max_error_mm,
                progress=progress,
                cancel=cancel,
            )
        with watch.stage("pieces"):
            instances = find_pieces(
                mask,
                scan.volume,
                namer=_namer(scan),
                max_triangles=self._max_triangles,
                max_error_mm=self.options.max_error_mm,
                progress=progress,
                cancel=cancel,
            )
        with watch.stage("confidence"):
            trust = judge(
                scan,
                prediction,
                mask,
                instances,
                cleaned,
                self.options.cleanup,
                predictor,
                self.checkpoint.header,
                progress=progress,
                cancel=cancel,
            )
        with staged_folder(output) as stage:
            with watch.stage("pictures"):
                scene = draw_pictures(stage, scan, mask, instances)
            with watch.stage("writing"):
                results = self._results(scan, prediction, mask, mesh, instances)
                names = self._write(stage, results)
            report = facts.Report(
                case=case,
                source=scan.source,
                grid=grid_facts(scan),
                findings=(
                    *scan.findings,
                    *result_findings(prediction, mesh),
                    *piece_findings(instances),
                ),
                flags=flag_facts(trust),
                confidence=confidence_facts(trust, self.checkpoint.header),
                model=self._model_facts(prediction),
                bone=bone_facts(mask, cleaned, self.options.cleanup, instances),
                surface=surface_facts(mesh, scan, scene),
                pieces=piece_facts(instances),
                run=self._run_facts(predictor, watch),
                files=tuple(names),
            )
            write_report(stage, report, turning_view(scan, instances), flag_pictures(trust))
            if cancel is not None:
                cancel.check()
        return SegmentedCase(output, report, mask)

    @property
    def _max_triangles(self) -> int:
        return min(self.options.max_triangles or MAX_TRIANGLES, MAX_TRIANGLES)

    @property
    def _wants_probability(self) -> bool:
        kind = self.options.segmentation_kind
        return kind is SegmentationKind.FRACTIONAL and "seg" in self.options.formats

    def _results(
        self,
        scan: Scan,
        prediction: Prediction,
        mask: Volume,
        mesh: Mesh,
        instances: Instances,
    ) -> CaseResults:
        kept = None
        if self._wants_probability:
            kept = prediction.probability
            # what the clean-up took away is no bone at all
            kept = kept.with_voxels(kept.voxels * (mask.voxels != 0))
        algorithm = Algorithm(
            self.checkpoint.header.model, version("afunet"), self.checkpoint.sha256
        )
        return CaseResults(
            scan,
            mask,
            mesh,
            instances,
            algorithm,
            probability=kept,
            segmentation_kind=self.options.segmentation_kind,
            deidentified=self.options.deidentify,
        )

    def _write(self, stage: Path, results: CaseResults) -> list[str]:
        names: list[str] = []
        for name in dict.fromkeys(self.options.formats):
            names += RESULT_FORMATS[name].write(results, stage)
        return [*names, *PAGES]

    def _model_facts(self, prediction: Prediction) -> facts.ModelFacts:
        header = self.checkpoint.header
        return facts.ModelFacts(
            name=header.model,
            options=header.options,
            sha256=self.checkpoint.sha256,
            window_hu=header.window_hu,
            working_pixels=prediction.grid.working,
            patch_px=header.patch_px,
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
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> SegmentedCase:
    """One scan with a freshly loaded network; see `Segmenter.segment`."""
    return Segmenter(options).segment(path, output, progress=progress, cancel=cancel)


def shipped_weights() -> Path:
    """The weights file that comes with the package."""
    return Path(str(files("afunet.models") / "weights" / SHIPPED_WEIGHTS))


def _namer(scan: Scan) -> Namer | None:
    """Names need millimetres."""
    return bone_namer(sides_known=sides_known(scan)) if scan.source.spacing_known else None
