"""The command `batch`."""

from __future__ import annotations

from typing import Annotated

import typer

from afunet.cli.options import (
    Deidentify,
    Device,
    Fast,
    Formats,
    MaxError,
    MaxTriangles,
    Output,
    Runtime,
    SegKind,
    Strict,
    Weights,
    names_of,
)
from afunet.errors import ExitCode
from afunet.formats.dicom.segmentation_kind import SegmentationKind
from afunet.inference.device_choice import DeviceChoice
from afunet.inference.runtime_choice import RuntimeChoice
from afunet.terminal.messages import print_failure, print_warning
from afunet.terminal.show import print_lines
from afunet.terminal.work import Work


def batch(
    scans: Annotated[
        list[str],
        typer.Argument(
            help="Folders of scans, scans, lists of paths (.txt, .csv), patterns, or URLs of "
            "object stores."
        ),
    ],
    output: Output,
    workers: Annotated[
        int | None,
        typer.Option(help="Scans at a time; default: what cores and free memory allow."),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(help="Work on a cluster of Ray: HOST:PORT of its head node, or auto."),
    ] = None,
    part: Annotated[
        str, typer.Option(help="Work at part i of n only, such as 2/16, on one of n machines.")
    ] = "1/1",
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Also try again what failed in an earlier run.")
    ] = False,
    weights: Weights = None,
    device: Device = DeviceChoice.AUTO,
    runtime: Runtime = RuntimeChoice.AUTO,
    strict: Strict = False,
    formats: Formats = "nifti,stl",
    seg_kind: SegKind = SegmentationKind.BINARY,
    deidentify: Deidentify = False,
    max_triangles: MaxTriangles = None,
    max_error_mm: MaxError = None,
    fast: Fast = False,
    *,
    work: Work,
) -> None:
    """Segment many scans; whatever ends, call it again and it goes on.

    Each scan is a case with a folder of its own, OUT/CASE. Cases that are done are not repeated,
    unless the scan, the options, the weights or afunet's version changed. Several machines may
    work into one OUT on a shared disk: each case is done once. At the end OUT has summary.csv (a
    row for each case), bones.csv (a row for each bone), failures.csv and batch.html.

    For example:

    - `afunet batch scans/ -o out`
    - `afunet batch list.csv -o out --workers 4 --retry-failed`
    - `afunet batch scans/ -o /shared/out --part 2/16`
    - `afunet batch s3://bucket/scans -o /shared/out --cluster head:6379`
    """
    from afunet.batch.finish import finish
    from afunet.batch.orders import Settings
    from afunet.batch.run import PLAN, batch_of
    from afunet.batch.sites import site_of
    from afunet.batch.subjects import Part
    from afunet.batch.tables import failure_row
    from afunet.jobs.job import Failure, Job, State
    from afunet.workflows.segment import SegmentOptions

    work.follow(PLAN)
    share = Part.read(part)
    options = SegmentOptions(
        weights=weights,
        device=device,
        runtime=runtime,
        strict=strict,
        formats=names_of(formats),
        segmentation_kind=seg_kind,
        deidentify=deidentify,
        max_triangles=max_triangles,
        max_error_mm=max_error_mm,
        fast=fast,
    )

    def ended(job: Job) -> None:
        if job.state is State.FAILED:
            failure = failure_row(job)
            print_failure(f"{failure['case']}: {failure['reason']}", failure["code"])

    def refused(why: Failure) -> None:
        print_warning(why.message, why.code)

    with site_of(cluster, workers) as site:
        settings = Settings.of(options)
        found = batch_of(scans, output, settings, share, work.watch)
        if retry_failed:
            found.retry_failed()
        print_lines((f"{found.words}; {site.plan.words}",))
        try:
            found.run(site.crew(found.post(settings)), work.watch, ended, refused)
        finally:
            result = finish(found)
    print_lines(result.lines)
    if result.failed:
        raise typer.Exit(ExitCode.REFUSED)
    if result.incomplete:
        raise typer.Exit(ExitCode.INCOMPLETE)
