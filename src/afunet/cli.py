"""The command line: arguments in, one workflow called, its answer printed."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from afunet.errors import AfunetError, Cancelled, ConfigError
from afunet.inference.device import DeviceChoice
from afunet.terminal import (
    cancel_on_interrupt,
    console,
    errors,
    print_case,
    print_failure,
    print_files,
    progress_bar,
)

app = typer.Typer(
    name="afunet",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        console.print(f"afunet {version('afunet')}", highlight=False)
        raise typer.Exit


@app.callback()
def root(
    show_version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Say the version."),
    ] = False,
) -> None:
    """Bones of the lower limb from CT.

    A DICOM series in; a mask, a surface, pictures and an honest report out. Research software,
    not a medical device.

    Start with:  afunet segment FOLDER -o OUT
    """


Input = Annotated[Path, typer.Argument(help="A folder of DICOM or PNG slices, or one volume file.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.")]
Weights = Annotated[
    Path | None, typer.Option("--weights", "-w", help="A checkpoint; default: the one shipped.")
]
Device = Annotated[DeviceChoice, typer.Option(help="Where the network runs.")]
Series = Annotated[
    str | None, typer.Option(help="DICOM: the series to read, by its UID or the end of it.")
]
Spacing = Annotated[
    tuple[float, float, float] | None,
    typer.Option(help="PNG slices: voxel size in mm along column, row and slice."),
]
Meshes = Annotated[
    list[str] | None, typer.Option("--mesh", help="Surface format: stl or ply. May be repeated.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")]


@app.command()
def segment(
    inputs: Annotated[
        list[Path], typer.Argument(help="Scans: folders of DICOM or PNG slices, or volume files.")
    ],
    output: Output,
    weights: Weights = None,
    device: Device = DeviceChoice.AUTO,
    series: Series = None,
    spacing_mm: Spacing = None,
    mesh: Meshes = None,
    speck_mm3: Annotated[
        float, typer.Option(help="Pieces smaller than this are removed as specks.")
    ] = 15.0,
    quiet: Quiet = False,
) -> None:
    """Find the bones in one or many CT scans.

    Writes mask.nii.gz, overlay.png, bone.stl, scene.png, report.json and report.html into OUT,
    or into OUT/CASE for several scans, CASE being the scan's own file or folder name. One
    scan that fails never stops the rest; the exit code is 1 if any failed.

    For example:

    - `afunet segment ct/ -o out`
    - `afunet segment scans/*.nii.gz -o out --mesh stl --mesh ply`
    - `afunet segment pngs/ -o out --spacing-mm 0.5 0.5 1`
    """
    from afunet.inference.cleanup import CleanUpRules
    from afunet.workflows.segment import FailedCase, Segmenter, SegmentOptions, segment_many

    segmenter = Segmenter(
        SegmentOptions(
            weights=weights,
            device=device,
            series=series,
            spacing_mm=spacing_mm,
            mesh_formats=tuple(mesh or ["stl"]),
            cleanup=CleanUpRules(speck_mm3=speck_mm3),
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


@app.command()
def inspect(path: Input, series: Series = None) -> None:
    """List what can be read at a path: every series, its geometry, and what was noticed."""
    from afunet.formats.readers import list_series

    summaries = list_series(path, series=series)
    table = Table(title=f"{len(summaries)} series", title_justify="left")
    for heading in ("", "modality", "plane", "size", "spacing mm", "covers mm", "region", "why"):
        table.add_column(heading, overflow="fold")
    for summary in summaries:
        spacing = summary.spacing_mm
        table.add_row(
            "→" if summary.chosen else "",
            summary.modality or summary.kind,
            summary.orientation,
            " × ".join(map(str, summary.size)),
            " × ".join(f"{value:.3g}" for value in spacing) if spacing else "–",
            f"{summary.coverage_mm:.0f}" if summary.coverage_mm is not None else "–",
            summary.region,
            summary.reason,
        )
    console.print(table)
    for number, summary in enumerate(summaries, 1):
        if summary.uid:
            console.print(f"series {number}: --series {summary.uid}", highlight=False)
        for finding in summary.findings:
            console.print(
                f"series {number}: {finding.severity}: {finding.message}",
                markup=False,
                highlight=False,
            )


@app.command()
def reconstruct(
    mask: Annotated[Path, typer.Argument(help="A label volume: NIfTI, NRRD, MHA or 0/1 PNGs.")],
    output: Output,
    mesh: Meshes = None,
    max_triangles: Annotated[
        int | None, typer.Option(help="Simplify the surface to about so many triangles.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Make a surface and a picture from a mask, in patient millimetres."""
    from afunet.workflows.reconstruct import reconstruct as run
    from afunet.workflows.segment import SegmentOptions

    formats = SegmentOptions(mesh_formats=tuple(mesh or ["stl"])).mesh_formats
    with progress_bar(quiet) as report, cancel_on_interrupt() as cancel:
        done = run(
            mask, output, formats, max_triangles=max_triangles, progress=report, cancel=cancel
        )
    closed = "watertight" if done.mesh.is_watertight else f"{done.mesh.open_edges} open edges"
    console.print(f"{len(done.mesh.faces):,} triangles, {closed}, LPS mm")
    print_files(done.files)


@app.command()
def phantom(
    output: Output,
    seed: Annotated[int, typer.Option(help="Same seed, same leg.")] = 0,
    scan_format: Annotated[str, typer.Option("--format", help="dicom or nifti.")] = "dicom",
    fractured: Annotated[bool, typer.Option(help="Break the tibia.")] = False,
    metal: Annotated[bool, typer.Option(help="Put screws into the tibia.")] = False,
    random: Annotated[bool, typer.Option(help="Draw everything at random from the seed.")] = False,
    bones: Annotated[
        Path | None,
        typer.Option(
            help="Bones instead: a folder of watertight meshes (LPS mm) or an LLP26 .npz."
        ),
    ] = None,
    slices: Annotated[
        int, typer.Option(help="Write so many random training slices instead of a scan.")
    ] = 0,
    limbs: Annotated[
        str | None,
        typer.Option(help="Training slices: pattern of LLP26 limb files, e.g. 'llp26/*.npz'."),
    ] = None,
    split: Annotated[str, typer.Option(help="Training slices: train, val or test.")] = "train",
    quiet: Quiet = False,
) -> None:
    """Simulate the CT of a leg with an exact answer: label per bone and per fragment."""
    from afunet.workflows import phantom as workflow

    with progress_bar(quiet) as report, cancel_on_interrupt() as cancel:
        if slices:
            limb_files = workflow.limb_files(limbs) if limbs else []
            workflow.write_training_slices(
                output,
                slices,
                seed=seed,
                limb_files=limb_files,
                split=split,
                progress=report,
                cancel=cancel,
            )
            console.print(f"{slices} slices in {output}")
            return
        config = workflow.choose_leg(
            seed, fractured=fractured, metal=metal, random=random, bones=bones
        )
        leg, files = workflow.write_phantom(
            config,
            output,
            workflow.scan_format_of(scan_format),
            progress=report,
            cancel=cancel,
        )
    shape = " × ".join(map(str, reversed(leg.volume.shape)))
    console.print(f"{shape} voxels; {', '.join(leg.bones.names.values())}")
    print_files((files.scan, files.truth, files.bones, files.fragments))


@app.command()
def models() -> None:
    """The networks: parameters, arithmetic per 512 × 512 slice, receptive field."""
    from afunet.models import MODELS, build_model
    from afunet.models.complexity import complexity

    table = Table()
    for heading in ("name", "parameters", "GFLOPs / slice", "field px", "source"):
        table.add_column(heading, justify="left" if heading in ("name", "source") else "right")
    for name, architecture in MODELS.items():
        cost = complexity(build_model(name, seed=0))
        field = f"{cost.receptive_field}" if cost.receptive_field else "whole window"
        if cost.receptive_field is None and cost.local_field:
            field += f" ({cost.local_field} local)"
        table.add_row(
            name, f"{cost.parameters:,}", f"{cost.gflops:.1f}", field, architecture.source
        )
    console.print(table)


@app.command()
def train(
    config: Annotated[Path, typer.Argument(help="A TOML file, as in experiments/.")],
    output: Output,
    device: Device = DeviceChoice.AUTO,
    threads: Annotated[int | None, typer.Option(help="CPU threads for the network.")] = None,
    quiet: Quiet = False,
) -> None:
    """Train a network; the same command goes on where it stopped."""
    from afunet.training.config import load_config
    from afunet.workflows.train import tensorboard_record, train_network

    with (
        progress_bar(quiet) as report,
        tensorboard_record(output) as record,
        cancel_on_interrupt() as cancel,
    ):
        result = train_network(
            load_config(config),
            output,
            base=config.parent,
            device=device,
            threads=threads,
            progress=report,
            record=record,
            cancel=cancel,
        )
    console.print(f"best validation Dice per case {result.validation_dice:.4f}")
    print_files((result.checkpoint,))


@app.command()
def evaluate(
    predictions: Annotated[
        list[Path] | None, typer.Argument(help="Predicted masks, in the order of --truth.")
    ] = None,
    truth: Annotated[list[Path] | None, typer.Option(help="A true mask; may be repeated.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="Instead of files: a slice folder to run the network on.")
    ] = None,
    split: Annotated[str, typer.Option(help="With --data: train, val or test.")] = "val",
    status: Annotated[
        str | None, typer.Option(help="With --data: only slices so marked, e.g. checked.")
    ] = None,
    weights: Weights = None,
    device: Device = DeviceChoice.AUTO,
    quiet: Quiet = False,
) -> None:
    """Dice, IoU, recall and precision: mean per slice, mean per case, and pooled.

    For example:

    - `afunet evaluate out/mask.nii.gz --truth label.nii.gz`
    - `afunet evaluate --data knee --split val`
    """
    from afunet.workflows.evaluate import evaluate_masks, evaluate_network

    if (data is None) == (not predictions):
        raise ConfigError("give predicted masks with --truth, or a slice folder with --data")
    with progress_bar(quiet) as report, cancel_on_interrupt() as cancel:
        if data is not None:
            result = evaluate_network(
                data,
                split,
                weights=weights,
                status=status,
                device=device,
                progress=report,
                cancel=cancel,
            )
        else:
            files = predictions or []
            names = [f"case {number}" for number in range(1, len(files) + 1)]
            result = evaluate_masks(files, truth or [], names)
    agreement = result.agreement
    table = Table()
    metrics = list(agreement.pooled)
    for heading in ("", *metrics):
        table.add_column(heading, justify="right" if heading else "left")
    for name, values in result.cases.items():
        table.add_row(name, *(f"{values[metric]:.4f}" for metric in metrics))
    table.add_section()
    for name, means in (
        (f"mean of {agreement.slices} slices", agreement.per_slice),
        (f"mean of {agreement.cases} cases", agreement.per_case),
        ("pooled", agreement.pooled),
    ):
        table.add_row(name, *(f"{means[metric]:.4f}" for metric in metrics))
    console.print(table)
    if agreement.empty_slices:
        console.print(
            f"{agreement.empty_slices} slices without bone in either mask: not in the means"
        )


@app.command()
def demo(output: Output = Path("demo"), weights: Weights = None, quiet: Quiet = False) -> None:
    """Simulate a fractured knee, segment it, and compare with the exact answer."""
    from afunet.workflows.demo import demo as run
    from afunet.workflows.segment import SegmentOptions

    with progress_bar(quiet) as report, cancel_on_interrupt() as cancel:
        done = run(output, SegmentOptions(weights=weights), progress=report, cancel=cancel)
    print_case(done.case.folder, done.case.report)
    console.print(f"Dice against the exact answer: {done.dice:.4f}")


def main() -> None:
    """Run the command line; every known failure is one line and exit code 1."""
    try:
        app(standalone_mode=True)
    except Cancelled as error:
        errors.print(f"[yellow]{error}[/]", highlight=False)
        sys.exit(130)
    except AfunetError as error:
        print_failure(str(error))
        sys.exit(1)
    except OSError as error:  # a full disk, a file that went away in the middle of the work
        print_failure(f"{error.strerror or error}: {error.filename or 'while working'}")
        sys.exit(1)
