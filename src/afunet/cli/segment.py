"""From a scan to bones: what is in a folder, its mask, its surface."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from afunet.cli.options import (
    Deidentify,
    Device,
    Formats,
    Input,
    MaxError,
    MaxTriangles,
    MeshFormats,
    Output,
    Quiet,
    SegKind,
    Series,
    Spacing,
    Strict,
    Weights,
    names_of,
)
from afunet.formats.dicom.segmentation import SegmentationKind
from afunet.inference.device import DeviceChoice
from afunet.terminal import (
    cancel_on_interrupt,
    console,
    print_case,
    print_failure,
    print_files,
    print_lines,
    progress_bar,
)


def segment(
    inputs: Annotated[
        list[Path], typer.Argument(help="Scans: folders of DICOM or PNG slices, or volume files.")
    ],
    output: Output,
    weights: Weights = None,
    device: Device = DeviceChoice.AUTO,
    series: Series = None,
    spacing_mm: Spacing = None,
    strict: Strict = False,
    formats: Formats = "nifti,stl",
    seg_kind: SegKind = SegmentationKind.BINARY,
    deidentify: Deidentify = False,
    speck_mm3: Annotated[
        float, typer.Option(help="Pieces smaller than this are removed as specks.")
    ] = 15.0,
    max_triangles: MaxTriangles = None,
    max_error_mm: MaxError = None,
    quiet: Quiet = False,
) -> None:
    """Find the bones in one or many CT scans.

    Writes mask.nii.gz, bone.stl, overlay.png, scene.png, report.json and report.html into OUT,
    or into OUT/CASE for several scans, CASE being the scan's own file or folder name. One
    scan that fails never stops the rest; the exit code is 1 if any failed.

    For example:

    - `afunet segment ct/ -o out`
    - `afunet segment ct/ -o out --formats nifti,stl,seg,rtstruct`
    - `afunet segment scans/*.nii.gz -o out --formats nifti,stl,ply`
    - `afunet segment pngs/ -o out --spacing-mm 0.5 0.5 1`
    """
    from afunet.inference.cleanup import CleanUpRules
    from afunet.workflows.segment import Segmenter, SegmentOptions
    from afunet.workflows.segment_many import FailedCase, segment_many

    segmenter = Segmenter(
        SegmentOptions(
            weights=weights,
            device=device,
            series=series,
            spacing_mm=spacing_mm,
            strict=strict,
            formats=names_of(formats),
            segmentation_kind=seg_kind,
            deidentify=deidentify,
            cleanup=CleanUpRules(speck_mm3=speck_mm3),
            max_triangles=max_triangles,
            max_error_mm=max_error_mm,
        )
    )
    if len(inputs) == 1:
        with progress_bar(quiet) as report, cancel_on_interrupt() as cancel:
            case = segmenter.segment(inputs[0], output, progress=report, cancel=cancel)
        print_case(case.folder, case.report)
        return
    failed = 0
    with progress_bar(quiet) as report, cancel_on_interrupt() as cancel:
        for result in segment_many(inputs, output, segmenter, progress=report, cancel=cancel):
            if isinstance(result, FailedCase):
                failed += 1
                print_failure(f"{result.name}: {result.reason}")
            else:
                print_case(result.folder, result.report)
    console.print(f"{len(inputs) - failed} of {len(inputs)} scans segmented")
    if failed:
        raise typer.Exit(1)


def inspect(path: Input, series: Series = None) -> None:
    """Say what lies at a path: every series, its geometry, what was noticed, which is read.

    The exit code is 1 where `segment` would refuse the path.
    """
    from afunet.formats.readers import list_series
    from afunet.report.series_note import series_note

    summaries = list_series(path, series=series)
    for number, summary in enumerate(summaries, 1):
        print_lines(series_note(summary, number))
    if not any(summary.chosen for summary in summaries):
        raise typer.Exit(1)


def reconstruct(
    mask: Annotated[Path, typer.Argument(help="A label volume: NIfTI, NRRD, MHA or 0/1 PNGs.")],
    output: Output,
    formats: MeshFormats = "stl",
    max_triangles: MaxTriangles = None,
    max_error_mm: MaxError = None,
    quiet: Quiet = False,
) -> None:
    """Make surfaces, measures and a picture from a mask, in patient millimetres.

    For example:

    - `afunet reconstruct mask.nii.gz -o out --formats stl,glb`
    - `afunet reconstruct mask.nii.gz -o out --max-error-mm 0.1` for a printer
    """
    from afunet.workflows.case_report import edge_faults
    from afunet.workflows.reconstruct import reconstruct as run

    with progress_bar(quiet) as report, cancel_on_interrupt() as cancel:
        done = run(
            mask,
            output,
            names_of(formats),
            max_triangles=max_triangles,
            max_error_mm=max_error_mm,
            progress=report,
            cancel=cancel,
        )
    if done.mesh.is_empty:
        console.print("the mask is empty: there is no surface")
    else:
        closed = "watertight" if done.mesh.is_watertight else edge_faults(done.mesh)
        console.print(f"{len(done.mesh.faces):,} triangles, {closed}, LPS mm")
    print_files(done.files)
