"""How well masks agree."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean
from typing import Annotated

import typer
from rich.table import Table

from afunet.cli.options import Device, Quiet, Weights
from afunet.errors import ConfigError
from afunet.inference.device import DeviceChoice
from afunet.terminal import cancel_on_interrupt, console, progress_bar


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
    """Dice, IoU, recall and precision per slice, per case and pooled; surface distances in mm.

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
    if result.distances:
        console.print(_distance_table(result.distances))
    if agreement.empty_slices:
        console.print(
            f"{agreement.empty_slices} slices without bone in either mask: not in the means"
        )


def _distance_table(distances: dict[str, dict[str, float]]) -> Table:
    """A row a case, and their mean."""
    table = Table()
    metrics = list(next(iter(distances.values())))
    for heading in ("", *metrics):
        table.add_column(heading, justify="right" if heading else "left")
    for name, values in distances.items():
        table.add_row(name, *(f"{values[metric]:.4f}" for metric in metrics))
    if len(distances) > 1:
        table.add_section()
        means = (fmean(values[metric] for values in distances.values()) for metric in metrics)
        table.add_row(f"mean of {len(distances)} cases", *(f"{mean:.4f}" for mean in means))
    return table
