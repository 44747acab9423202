"""Networks: which there are, training one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from afunet.cli.options import Device, Output
from afunet.errors import ConfigError
from afunet.inference.device_choice import DeviceChoice
from afunet.terminal.show import print_files, print_lines, print_table
from afunet.terminal.work import Work


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
    print_table(table)


def train(
    output: Output,
    config: Annotated[
        Path | None,
        typer.Argument(
            help="A TOML file, as in experiments/; none: fine-tune the shipped weights."
        ),
    ] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(help="A prepared store, in place of the file's data; may be repeated."),
    ] = None,
    device: Device = DeviceChoice.AUTO,
    threads: Annotated[int | None, typer.Option(help="CPU threads for the network.")] = None,
    *,
    work: Work,
) -> None:
    """Train a network; the same command goes on where it stopped.

    For example:

    - `afunet train --data store -o runs/mine`
    - `afunet train experiments/paper.toml -o runs/paper`
    - `torchrun --nproc-per-node 4 -m afunet train experiments/paper.toml -o runs/paper`
    """
    if config is None and not data:
        raise ConfigError("give a TOML file, or the data to fine-tune the shipped weights on")
    from afunet.training.config import load_config
    from afunet.workflows.tensorboard import tensorboard
    from afunet.workflows.train import train_network

    with tensorboard(output) as record:
        result = train_network(
            load_config(config, data or ()),
            output,
            base=config.parent if config else Path(),
            device=device,
            threads=threads,
            progress=work.progress,
            record=record,
            cancel=work.cancel,
        )
    print_lines((f"best validation Dice per case {result.validation_dice:.4f}",))
    print_files((result.checkpoint,))
