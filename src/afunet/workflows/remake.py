"""Make the results again that follow from a corrected label map."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np

from afunet.errors import ConfigError, InputError
from afunet.findings import Finding
from afunet.formats.dicom.algorithm import Algorithm
from afunet.formats.dicom.segmentation_kind import SegmentationKind
from afunet.formats.labelling import Labelling
from afunet.formats.readers import read_labels
from afunet.formats.scan import Scan
from afunet.formats.writers import MASK_WRITERS
from afunet.geometry import Mesh, Volume
from afunet.reconstruction.pieces import Instances
from afunet.report.case import facts
from afunet.report.case.reading import flag_pictures_of
from afunet.report.surfaces.preview import PICTURE_TRIANGLES, previews
from afunet.watch import Watch
from afunet.workflows.attempts import WrittenResults
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
from afunet.workflows.case_writing import TURNING
from afunet.workflows.edit_list import EDITS
from afunet.workflows.edited_folder import EditedFolder
from afunet.workflows.reconstruct import PIECES_JSON, results_of_labelling, write_pieces_table
from afunet.workflows.result_files import (
    CLASS_NAMES,
    CLASSES,
    PIECE_FORMATS,
    PIECES_FOLDER,
    SEGMENTATION,
    STRUCTURES,
    SURFACE_FORMATS,
    coloured_pieces,
    results_of,
)
from afunet.workflows.slicer_results import SLICER_FORMATS

WRITING = "writing"
OF_MASK = ("mask.", f"{CLASSES}.", "bone.", OVERLAY)
"""What begins so follows from the mask alone, everything else from the pieces."""
OF_PIECES = (
    "instances.",
    f"{PIECES_FOLDER}/",
    "bones.",
    "pieces.",
    SCENE,
    *(REPORT_HTML, REPORT_JSON),
)


@dataclass(frozen=True, eq=False)
class Corrected:
    """A folder, its corrected pieces, and what to say of them.

    `mesh` is the surface of all bone if the mask changed. `kept` are the labels whose voxels are
    those of before. `scan` is None unless the user gave it.
    """

    before: EditedFolder
    instances: Instances
    kept: frozenset[int]
    mask_changed: bool
    mesh: Mesh | None
    scan: Scan | None
    dicom: DicomChoice
    note: Finding | None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of before, and the one on the corrections."""
        others = (one for one in self.before.findings if one.code != "CORRECTED")
        return (*others, *([self.note] if self.note else []))

    @property
    def mask(self) -> Volume:
        """All pieces together, 0 and 1."""
        labels = self.instances.labels
        return labels.with_voxels((labels.voxels != 0).astype(np.uint8))

    def outdated(self, name: str) -> bool:
        """Return whether a file of before does not show the corrected pieces."""
        if name in (SEGMENTATION, STRUCTURES):
            return self.dicom.follows
        of_mask = name.startswith(OF_MASK) or name == CLASS_NAMES
        return self.mask_changed if of_mask else name.startswith((*OF_PIECES, PIECES_JSON))


@dataclass(frozen=True)
class DicomChoice:
    """How DICOM results are written again; they do not follow the pieces if they store shares."""

    deidentified: bool = False
    kind: SegmentationKind = SegmentationKind.BINARY

    @property
    def follows(self) -> bool:
        """Whether the results hold the pieces, not the probability of all bone."""
        return self.kind is not SegmentationKind.FRACTIONAL


def dicom_choice(before: EditedFolder, scan: Scan | None, *, mask_changed: bool) -> DicomChoice:
    """Return how to write DICOM results again, before the work.

    Raises `ConfigError` (`SCAN_NEEDED`) if a result can only be made from the scan and there is
    none, `GeometryError` for a scan on another grid, `InputError` for the scan of another study and
    for a result with probabilities that erasing would change.
    """
    choice, needing = DicomChoice(), []
    if scan is not None:
        before.labels.require_same_grid(scan.volume, "the scan")
    for name in (SEGMENTATION, STRUCTURES):
        if name in before.files:
            choice = _choice_of(before.folder / name, scan, choice)
            needing += [name]
    if not choice.follows:
        if mask_changed:
            raise InputError(
                f"{SEGMENTATION} stores probabilities, which a correction cannot change: move it "
                "to another place, or segment with --seg-kind binary",
                code="SHARES_KEPT",
            )
        needing = []
    needing += [OVERLAY] if mask_changed and OVERLAY in before.files else []
    if needing and scan is None:
        raise ConfigError(
            f"{', '.join(needing)} can only be made again from the scan: give it with --scan",
            code="SCAN_NEEDED",
        )
    return choice


def _choice_of(path: Path, scan: Scan | None, choice: DicomChoice) -> DicomChoice:
    from afunet.formats.dicom.written import read_written  # pydicom, which few corrections need

    found = read_written(path)
    study = scan.images.study if scan is not None and scan.images is not None else ""
    if study and not found.deidentified and found.study != study:
        raise InputError(
            f"the scan is of another study than {path.name}: give the scan of these results",
            code="OTHER_CASE",
        )
    kind = found.kind if path.name == SEGMENTATION else choice.kind
    return DicomChoice(found.deidentified, kind)


def write_corrected(made: Corrected, written: WrittenResults, watch: Watch) -> None:
    """Write the results again that follow from the corrected pieces."""
    if made.before.report is None:
        _write_reconstruction(made, written, watch)
    else:
        _write_case(made, made.before.report, written, watch)


def _write_reconstruction(made: Corrected, written: WrittenResults, watch: Watch) -> None:
    read = Labelling(made.instances.labels, made.before.findings)
    kinds = _surface_kinds(made.before)
    listed = results_of_labelling(read, made.mesh, made.instances, kinds)
    _note_missing(made, written, listed)
    for done, (what, write) in enumerate(listed):
        _step(watch, done, len(listed) + 1)
        written.write(what, write)
    carry(made, written)
    written.write_stacks()
    written.write(PIECES_JSON, partial(write_pieces_table, made.instances, made.findings, written))
    _step(watch, 1, 1)


def _write_case(
    made: Corrected, report: facts.Report, written: WrittenResults, watch: Watch
) -> None:
    scan = made.scan or Scan(made.instances.labels, report.source, made.before.findings)
    results = CaseResults(
        scan,
        made.mask,
        made.mesh,
        made.instances,
        Algorithm(report.model.name, version("afunet"), report.model.sha256, edited=True),
        segmentation_kind=made.dicom.kind,
        deidentified=made.dicom.deidentified,
    )
    if made.mask_changed:
        results = _with_classes(made, results)
    listed = [
        (what, write)
        for what, write in results_of(_formats(made))
        if made.mask_changed or not what.startswith(OF_MASK)
        if what not in (SEGMENTATION, STRUCTURES) or made.outdated(what)
    ]
    _note_missing(made, written, listed)
    for done, (what, write) in enumerate(listed):
        _step(watch, done, len(listed) + 2)
        written.write(what, partial(write, results))
    _write_pages(made, report, scan, written, watch)


def _write_pages(
    made: Corrected, report: facts.Report, scan: Scan, written: WrittenResults, watch: Watch
) -> None:
    """Write the pictures and the report; the pictures of flags are those of before."""
    surfaces = previews(coloured_pieces(made.instances, made.mesh), PICTURE_TRIANGLES)
    attempts, folder = written.attempts, made.before.folder
    renderer = report.surface.renderer

    def scene(own: Path) -> list[str]:
        nonlocal renderer
        drawn = draw_scene(scan, surfaces)
        renderer = drawn.renderer
        return write_scene(own, drawn)

    written.write(SCENE, scene)
    if made.mask_changed and made.scan is not None:
        written.write(OVERLAY, lambda own: draw_overlay(own, scan, made.mask))
    _step(watch, 1, 2)
    pictures = flag_pictures_of(_text(folder / REPORT_HTML))
    pictures += (b"",) * (len(report.flags) - len(pictures))
    labels = {piece.measures.label for piece in made.instances.pieces}
    flags = [
        (flag, picture)
        for flag, picture in zip(report.flags, pictures, strict=False)
        if flag.piece is None or flag.piece in labels
    ]
    corrected = _corrected_report(made, report, renderer, [flag for flag, _ in flags])
    turning = attempts.made(TURNING, lambda: turning_view(scan, surfaces), "")
    carry(made, written)

    def complete(*coming: str) -> facts.Report:
        files = (*written.names, *coming)
        return replace(corrected, files=files, not_written=tuple(attempts.missing))

    told = complete(REPORT_HTML, REPORT_JSON)
    shown = [picture for _, picture in flags]
    written.write(REPORT_HTML, lambda own: write_page(own, told, written.folder, turning, shown))
    written.write_stacks()
    written.write(REPORT_JSON, lambda own: write_json(own, complete(REPORT_JSON)))
    _step(watch, 2, 2)


def _corrected_report(
    made: Corrected, report: facts.Report, renderer: str, flags: list[facts.FlagFacts]
) -> facts.Report:
    known = report.source.spacing_known
    sure = tuple(one for one in report.confidence.pieces if one.label in made.kept)
    surface = replace(report.surface, renderer=renderer)
    if made.mask_changed:
        surface = facts.SurfaceFacts.of(made.mesh, renderer, spacing_known=known)
    return replace(
        report,
        findings=made.findings,
        flags=tuple(flags),
        confidence=replace(report.confidence, pieces=sure),
        bone=facts.BoneFacts.of(made.mask, made.instances, report.bone.cleanup),
        surface=surface,
        pieces=made.instances.pieces,
    )


def carry(made: Corrected, written: WrittenResults) -> None:
    """Put the results that are still true beside those made again."""
    for name in made.before.results:
        if not made.outdated(name) and name not in written.names:
            placed(made.before.folder / name, written.folder / name)
            written.names.append(name)
    written.names.append(EDITS)


def placed(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where the file system has no links."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _with_classes(made: Corrected, results: CaseResults) -> CaseResults:
    """Add the classes of before, where there still is bone."""
    folder = made.before.folder
    for writer in MASK_WRITERS.values():
        path = folder / f"{CLASSES}{writer.suffix}"
        if path.is_file():
            classes = read_labels(path)
            names = json.loads(_text(folder / CLASS_NAMES) or "{}")
            inside = classes.with_voxels(classes.voxels * (made.mask.voxels > 0))
            return replace(results, classes=inside, class_names=tuple(map(str, names.values())))
    return results


def _formats(made: Corrected) -> list[str]:
    """Return the formats of the results of before, also of those that failed."""
    wanted = made.before.wanted
    masks = [
        kind
        for kind, writer in MASK_WRITERS.items()
        if wanted & {f"mask{writer.suffix}", f"instances{writer.suffix}"}
    ]
    dicom = {"seg": SEGMENTATION, "rtstruct": STRUCTURES} if made.scan is not None else {}
    return [
        *masks,
        *_surface_kinds(made.before),
        *(kind for kind, name in dicom.items() if name in wanted),
    ]


def _surface_kinds(before: EditedFolder) -> list[str]:
    wanted = before.wanted
    in_folder = {name.rpartition(".")[2] for name in wanted if name.startswith(f"{PIECES_FOLDER}/")}
    alone = {kind for kind in SURFACE_FORMATS if wanted & {f"bone.{kind}", f"bones.{kind}"}}
    slicer = {kind for kind, name in SLICER_FORMATS.items() if name in wanted}
    return [kind for kind in PIECE_FORMATS if kind in in_folder | alone | slicer]


def _note_missing(
    made: Corrected, written: WrittenResults, listed: Iterable[tuple[str, object]]
) -> None:
    """Keep the missing results of before that are not tried again."""
    tried = {what for what, _ in listed} | {SCENE, REPORT_HTML, REPORT_JSON, PIECES_JSON}
    old = [one for one in made.before.not_written if one.format not in tried]
    written.attempts.missing[:0] = old


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _step(watch: Watch, done: int, total: int) -> None:
    watch.check()
    watch.tell(WRITING, done, total)
