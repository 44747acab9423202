"""All files of a case: masks are written first, the report last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from uuid import uuid4

from afunet.findings import Finding, info
from afunet.formats.dicom.algorithm import Algorithm
from afunet.formats.dicom.segmentation_kind import SegmentationKind
from afunet.geometry import Volume
from afunet.plan import Step
from afunet.report.case import facts
from afunet.report.case.findings import piece_findings, result_findings
from afunet.report.surfaces.coloured_mesh import ColouredMesh
from afunet.report.surfaces.preview import PICTURE_TRIANGLES, previews
from afunet.report.surfaces.scene import Scene
from afunet.watch import Watch
from afunet.workflows.analyse import CONFIDENCE, Analysis
from afunet.workflows.attempts import Attempts, WrittenResults
from afunet.workflows.case_pages import (
    OVERLAY,
    REPORT_HTML,
    REPORT_JSON,
    SCENE,
    draw_overlay,
    draw_scene,
    turning_view,
    write_json,
    write_page,
    write_scene,
)
from afunet.workflows.case_results import CaseResults
from afunet.workflows.result_files import RESULT_FORMATS, coloured_pieces, results_of
from afunet.workflows.stopwatch import Stopwatch, peak_memory_mb
from afunet.workflows.trust import confidence_facts, flag_facts, flag_pictures

WRITING, PICTURES, REPORTING = "writing", "pictures", "report"
TURNING, FLAG_PICTURES = "3D view", "pictures of flags"
PLAN = (Step(WRITING, share=0.01, seconds=0.1), Step(PICTURES, seconds=1.5), Step(REPORTING))


@dataclass(frozen=True)
class WantedResults:
    """What to write; `formats` are names of `RESULT_FORMATS`.

    The same `identity` gives DICOM results the same UIDs again; without one they are new.
    """

    formats: tuple[str, ...]
    segmentation_kind: SegmentationKind = SegmentationKind.BINARY
    deidentified: bool = False
    identity: str = ""


@dataclass(eq=False)
class CaseWriter:
    """Writes the results of one case, each on its own. Its methods raise only `Cancelled`.

    `stopwatch` times their stages.
    """

    found: Analysis
    wanted: WantedResults
    written: WrittenResults
    watch: Watch
    stopwatch: Stopwatch
    _scene: Scene | None = field(default=None, init=False)
    _turning: str = field(default="", init=False)

    def write_results(self) -> None:
        """Write masks, surfaces and DICOM results in the wanted formats."""
        with self.stopwatch.stage(WRITING):
            results = self._results()
            listed = results_of(self.wanted.formats)
            for number, (what, write) in enumerate(listed):
                self._step(WRITING, number, len(listed))
                self.written.write(what, partial(write, results))
            self._step(WRITING, len(listed), len(listed))

    def write_pictures(self) -> None:
        """Draw the slices with the mask, and the surfaces as a picture and for the 3D view.

        A child process draws the picture of the surfaces while this one makes the others.
        """
        found, made = self.found, self.written.attempts.made
        with self.stopwatch.stage(PICTURES), ThreadPoolExecutor(1) as beside:
            self._step(PICTURES, 0, 3)
            few = beside.submit(self._previews)
            drawing = beside.submit(lambda: draw_scene(found.scan, few.result()))
            self.written.write(OVERLAY, lambda folder: draw_overlay(folder, found.scan, found.mask))
            self._step(PICTURES, 1, 3)
            with self.stopwatch.stage(TURNING):
                self._turning = made(TURNING, lambda: turning_view(found.scan, few.result()), "")
            self._step(PICTURES, 2, 3)
            self.written.write(SCENE, lambda folder: self._write_scene(folder, drawing.result()))
            self._step(PICTURES, 3, 3)

    def _write_scene(self, folder: Path, scene: Scene) -> list[str]:
        self._scene = scene
        return write_scene(folder, scene)

    def write_report(self, title: str, named: Sequence[Finding]) -> facts.Report:
        """Write the page, then the JSON, which lists all missing results; return the report.

        Each names the seconds spent until it is written.
        """
        with self.stopwatch.stage(REPORTING):
            return self._write_report(title, named)

    def _write_report(self, title: str, named: Sequence[Finding]) -> facts.Report:
        written, found, made = self.written, self.found, self.written.attempts.made
        self._step(REPORTING, 0, 3)
        renderer = self._scene.renderer if self._scene else ""
        run = run_facts(found, self.stopwatch.seconds)
        told = (*named, *self._about_classes())
        report = report_of(found, title, told, run, written.attempts, renderer)
        none: tuple[bytes, ...] = ()
        pictures = made(FLAG_PICTURES, self._flag_pictures, none) if report.flags else none
        self._step(REPORTING, 1, 3)
        whole = self._complete(report, REPORT_HTML, REPORT_JSON)
        written.write(
            REPORT_HTML, lambda own: write_page(own, whole, written.folder, self._turning, pictures)
        )
        self._step(REPORTING, 2, 3)
        written.write_stacks()
        final = self._complete(report, REPORT_JSON)
        written.write(REPORT_JSON, lambda own: write_json(own, final))
        self._step(REPORTING, 3, 3)
        return self._complete(final)

    def _previews(self) -> list[ColouredMesh]:
        """Return surfaces for picture and page: of the pieces, or of all bone without any."""
        pieces = coloured_pieces(self.found.instances, self.found.mesh)
        return previews(pieces, PICTURE_TRIANGLES)

    def _step(self, stage: str, done: int, total: int) -> None:
        self.watch.check()
        self.watch.tell(stage, done, total)

    def _complete(self, report: facts.Report, *coming: str) -> facts.Report:
        """Return the report with seconds, files and missing results so far, and files `coming`."""
        names = self.written.names
        return replace(
            report,
            run=run_facts(self.found, self.stopwatch.seconds),
            files=(*names, *(name for name in coming if name not in names)),
            not_written=tuple(self.written.attempts.missing),
        )

    def _about_classes(self) -> tuple[Finding, ...]:
        """Say that DICOM results hold no classes, if there are both."""
        dicom = any(RESULT_FORMATS[name].needs_dicom for name in self.wanted.formats)
        if self.found.classes is None or not dicom:
            return ()
        return (
            info(
                "CLASSES_NOT_IN_DICOM",
                "the DICOM results hold the bones named from the mask, not the network's classes "
                f"({', '.join(self.found.network.header.classes)}), which a label map holds "
                "(--formats nifti)",
            ),
        )

    def _flag_pictures(self) -> tuple[bytes, ...]:
        return () if self.found.trust is None else flag_pictures(self.found.trust)

    def _results(self) -> CaseResults:
        found, wanted = self.found, self.wanted
        return CaseResults(
            found.scan,
            found.mask,
            found.mesh,
            found.instances,
            Algorithm(found.network.header.model, version("afunet"), found.network.sha256),
            probability=self._kept_probability(),
            segmentation_kind=wanted.segmentation_kind,
            deidentified=wanted.deidentified,
            classes=found.classes,
            class_names=found.network.header.classes,
            identity=wanted.identity or uuid4().hex,
            flags=tuple((one.code, one.piece) for one in found.trust.flags) if found.trust else (),
        )

    def _kept_probability(self) -> Volume | None:
        """Return the probability if a DICOM result stores it, 0 where the clean-up removed bone."""
        kind = self.wanted.segmentation_kind
        if kind is not SegmentationKind.FRACTIONAL or "seg" not in self.wanted.formats:
            return None
        prediction = self.found.prediction
        kept = prediction.scan.restored(prediction.probability)
        return kept.with_voxels(kept.voxels * (self.found.mask.voxels != 0))


def report_of(
    found: Analysis,
    title: str,
    named: Sequence[Finding],
    run: facts.RunFacts,
    attempts: Attempts,
    renderer: str = "",
) -> facts.Report:
    """Make the report of an analysis; `renderer` drew the surfaces.

    A part that cannot be made is left out and noted by `attempts`.
    """
    scan, trust, made = found.scan, found.trust, attempts.made
    header, grid = found.network.header, found.prediction.grid
    unsure = facts.ConfidenceFacts(header.calibration, None, (), ())
    return facts.Report(
        case=title,
        source=scan.source,
        grid=facts.GridFacts.of(scan),
        findings=(
            *scan.findings,
            *named,
            *found.network.findings,
            *result_findings(found.mask, found.mesh, grid.working if grid.resamples else None),
            *piece_findings(found.instances, flagged=trust is not None),
        ),
        flags=() if trust is None else made(CONFIDENCE, lambda: flag_facts(trust), ()),
        confidence=unsure
        if trust is None
        else made(CONFIDENCE, lambda: confidence_facts(trust, header), unsure),
        model=facts.ModelFacts.of(header, found.network.sha256, grid.working),
        bone=facts.BoneFacts.of(found.mask, found.instances, _cleanup(found)),
        surface=facts.SurfaceFacts.of(
            found.mesh, renderer, spacing_known=scan.source.spacing_known
        ),
        pieces=found.instances.pieces,
        run=run,
        files=(),
        cuts=found.instances.cuts,
        suspected=[one.cut for one in found.instances.suspected],
    )


def _cleanup(found: Analysis) -> dict[str, float]:
    """Return what the clean-up did; the numbers of pieces come from the division instead."""
    done = asdict(found.cleaned)
    del done["pieces_kept"], done["smallest_kept_mm3"]
    return {**done, "speck_limit_mm3": found.rules.cleanup.speck_mm3}


def run_facts(found: Analysis, seconds: Mapping[str, float]) -> facts.RunFacts:
    """Return on what device an analysis ran, and how long every stage has taken so far."""
    prediction, network = found.prediction, found.network
    engine, usage = prediction.predictor.engine, prediction.usage
    return facts.RunFacts(
        version=version("afunet"),
        device=engine.device,
        runtime=engine.runtime,
        arithmetic=engine.arithmetic,
        choice=network.trial.reason,
        trial_seconds_per_window=network.trial.seconds_per_window,
        fallbacks=usage.fallbacks,
        windows=usage.windows,
        pixels=usage.pixels,
        seconds=dict(seconds),
        peak_memory_mb=peak_memory_mb(),
        fast=found.rules.fast,
    )
