"""The commands `segment`, `inspect` and `reconstruct`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import afunet
from afunet.cli.options import (
    Deidentify,
    Device,
    Fast,
    Formats,
    Input,
    MaxError,
    MaxTriangles,
    Output,
    PieceFormats,
    Runtime,
    SegKind,
    Series,
    Spacing,
    Strict,
    Title,
    Weights,
    names_of,
)
from afunet.errors import ConfigError, ExitCode
from afunet.formats.dicom.segmentation_kind import SegmentationKind
from afunet.inference.device_choice import DeviceChoice
from afunet.inference.runtime_choice import RuntimeChoice
from afunet.plan import Step
from afunet.terminal.messages import print_failure
from afunet.terminal.show import print_case, print_files, print_lines, print_missing
from afunet.terminal.work import Work

if TYPE_CHECKING:
    from afunet.workflows.segment import Segmenter

INSPECTION = (
    Step("unpacking", share=0.5),
    Step("reading headers", share=0.5),
    Step("reading slices", share=1),
    Step("looking at the values", share=0.5),
)


def segment(
    inputs: Annotated[
        list[Path], typer.Argument(help="Scans: folders of DICOM or PNG slices, or volume files.")
    ],
    output: Output,
    weights: Weights = None,
    device: Device = DeviceChoice.AUTO,
    runtime: Runtime = RuntimeChoice.AUTO,
    series: Series = None,
    spacing_mm: Spacing = None,
    strict: Strict = False,
    formats: Formats = "nifti,stl",
    seg_kind: SegKind = SegmentationKind.BINARY,
    deidentify: Deidentify = False,
    speck_mm3: Annotated[
        float, typer.Option(help="Remove connected components smaller than this.")
    ] = 15.0,
    max_triangles: MaxTriangles = None,
    max_error_mm: MaxError = None,
    fast: Fast = False,
    name: Title = None,
    *,
    work: Work,
) -> None:
    """Find the bones in one or many CT scans.

    Writes mask.nii.gz, bone.stl, overlay.png, scene.png, report.json and report.html into OUT.
    Several scans get a folder each, OUT/CASE, named after the scan's file or folder. If a scan
    fails, the others are still segmented; if a result fails, the others are still written. The
    exit code is then 1 or 3, or the higher of both.

    For example:

    - `afunet segment ct/ -o out`
    - `afunet segment ct/ -o out --formats nifti,stl,seg,rtstruct`
    - `afunet segment scans/*.nii.gz -o out --formats nifti,stl,ply`
    - `afunet segment pngs/ -o out --spacing-mm 0.5 0.5 1`
    """
    if name is not None and len(inputs) > 1:
        raise ConfigError(f"--name is for one scan, got {len(inputs)} scans", code="OPTIONS_CLASH")
    from afunet.inference.cleanup import CleanUpRules
    from afunet.workflows.own_files import removal_note
    from afunet.workflows.segment import PLAN, Segmenter, SegmentOptions, require_possible
    from afunet.workflows.segment_many import worst

    work.follow(PLAN)
    options = SegmentOptions(
        weights=weights,
        device=device,
        runtime=runtime,
        series=series,
        spacing_mm=spacing_mm,
        strict=strict,
        formats=names_of(formats),
        segmentation_kind=seg_kind,
        deidentify=deidentify,
        cleanup=CleanUpRules(speck_mm3=speck_mm3),
        max_triangles=max_triangles,
        max_error_mm=max_error_mm,
        fast=fast,
    )
    if len(inputs) == 1:
        require_possible(inputs[0], output, options)
    start_up = time.perf_counter() - afunet._IMPORTED_AT
    segmenter = Segmenter(options, watch=work.watch, start_up=start_up)
    if len(inputs) > 1:
        _segment_many(inputs, output, segmenter, work)
        return
    case = segmenter.segment(inputs[0], output, case=name, watch=work.watch)
    print_case(case.folder, case.report)
    print_lines(removal_note(case.folder, "segment"))
    if code := worst([case]):
        raise typer.Exit(code)


def _segment_many(inputs: list[Path], output: Path, segmenter: Segmenter, work: Work) -> None:
    from afunet.workflows.failed_case import FailedCase
    from afunet.workflows.own_files import removal_note
    from afunet.workflows.segment_many import segment_many, worst

    failed, code = 0, ExitCode.FINE
    for result in segment_many(inputs, output, segmenter, watch=work.watch):
        code = max(code, worst([result]))
        if isinstance(result, FailedCase):
            failed += 1
            print_failure(f"{result.name}: {result.reason}", result.code)
        else:
            print_case(result.folder, result.report)
            print_lines(removal_note(result.folder, "segment"))
    print_lines((f"{len(inputs) - failed} of {len(inputs)} scans segmented",))
    if code:
        raise typer.Exit(code)


def inspect(path: Input, series: Series = None, *, work: Work) -> None:
    """List every series at a path, its geometry and findings, and which one is read.

    The exit code is 1 if `segment` would refuse the path.
    """
    from afunet.formats.readers import list_series
    from afunet.report.case.series_note import series_note

    work.follow(INSPECTION)
    summaries = list_series(path, series=series, watch=work.watch)
    for number, summary in enumerate(summaries, 1):
        print_lines(series_note(summary, number))
    if not any(summary.chosen for summary in summaries):
        raise typer.Exit(ExitCode.REFUSED)


def reconstruct(
    mask: Annotated[Path, typer.Argument(help="Mask: NIfTI, NRRD, MHA, PNG slices, DICOM SEG.")],
    output: Output,
    scan: Annotated[
        Path | None,
        typer.Option(help="The CT of the mask: tells fragments apart that touch."),
    ] = None,
    formats: PieceFormats = "stl",
    max_triangles: MaxTriangles = None,
    max_error_mm: MaxError = None,
    *,
    work: Work,
) -> None:
    """Make surfaces, measurements and a picture from a mask, in patient millimetres.

    For example:

    - `afunet reconstruct mask.nii.gz -o out --formats stl,glb`
    - `afunet reconstruct mask.nii.gz -o out --scan ct/`
    - `afunet reconstruct mask.nii.gz -o out --max-error-mm 0.1` for a printer
    """
    from afunet.report.case.findings import edge_faults
    from afunet.workflows.own_files import removal_note
    from afunet.workflows.reconstruct import PLAN
    from afunet.workflows.reconstruct import reconstruct as run

    work.follow(PLAN)
    done = run(
        mask,
        output,
        names_of(formats),
        scan=scan,
        max_triangles=max_triangles,
        max_error_mm=max_error_mm,
        watch=work.watch,
    )
    if done.mesh is not None and done.mesh.is_empty:
        print_lines(("the mask is empty: there is no surface",))
    elif done.mesh is not None:
        closed = "watertight" if done.mesh.is_watertight else edge_faults(done.mesh)
        print_lines((f"{len(done.mesh.faces):,} triangles, {closed}, LPS mm",))
    print_lines(f"  {finding.severity}: {finding}" for finding in done.findings)
    print_files(done.files)
    print_missing(done.not_written)
    print_lines(removal_note(output, "reconstruct"))
    if done.not_written:
        raise typer.Exit(ExitCode.INCOMPLETE)
