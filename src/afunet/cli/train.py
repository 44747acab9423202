"""The commands `models` and `train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from afunet.cli.options import Device, Output
from afunet.errors import ConfigError
from afunet.inference.device_choice import DeviceChoice
from afunet.terminal.messages import print_warning
from afunet.terminal.show import print_files, print_lines, print_table
from afunet.terminal.work import Work

LEARNT_NOTHING = "LEARNT_NOTHING"


def models() -> None:
    """List the shipped weights, and the networks with their cost for a slice of 512 × 512."""
    print_table(_shipped())
    print_table(_networks())


def _networks() -> Table:
    from afunet.extras import EXTRAS, installed
    from afunet.models import MODELS, build_model
    from afunet.models.complexity import complexity

    table = Table(title="Networks", title_justify="left")
    for heading in ("name", "parameters", "GFLOPs", "field px", "source"):
        table.add_column(heading, justify="left" if heading in ("name", "source") else "right")
    for name, architecture in MODELS.items():
        if not installed(architecture.package):
            needed = f"needs pip install 'afunet[{EXTRAS[architecture.package]}]'"
            table.add_row(name, "–", "–", "–", escape(needed))
            continue
        cost = complexity(build_model(name, seed=0))
        field = f"{cost.receptive_field}" if cost.receptive_field else "whole window"
        if cost.receptive_field is None and cost.local_field:
            field += f" ({cost.local_field} local)"
        table.add_row(
            name, f"{cost.parameters:,}", f"{cost.gflops:.1f}", field, architecture.source
        )
    return table


def _shipped() -> Table:
    from afunet.models.shipped import SHIPPED, shipped_facts

    table = Table(title="Shipped weights (docs/model-card.md)", title_justify="left")
    for heading in ("file", "for", "SHA-256", "trained on", "Dice"):
        table.add_column(heading)
    for shipped in SHIPPED:
        told = shipped_facts(shipped)
        table.add_row(shipped.name, shipped.purpose, told.sha256, told.trained_on, shipped.score)
    return table


def train(
    output: Output,
    config: Annotated[
        Path | None,
        typer.Argument(
            help="TOML file, as in experiments/; without it, fine-tune the shipped weights."
        ),
    ] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(help="Prepared store, instead of the file's data; may be repeated."),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Optimizer steps, instead of the file's steps or epochs.")
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Learning rate at the start, instead of the file's.")
    ] = None,
    batch: Annotated[
        int | None, typer.Option(help="Crops in each optimizer step, instead of the file's.")
    ] = None,
    device: Device = DeviceChoice.AUTO,
    threads: Annotated[int | None, typer.Option(help="CPU threads for the network.")] = None,
    *,
    work: Work,
) -> None:
    """Train a network; run the same command again to continue after a stop.

    For example:

    - `afunet train --data store -o runs/mine`
    - `afunet train --data store -o runs/mine --steps 500 --learning-rate 1e-4 --batch 8`
    - `afunet train experiments/paper.toml -o runs/paper`
    - `torchrun --nproc-per-node 4 -m afunet train experiments/paper.toml -o runs/paper`
    """
    if config is None and not data:
        raise ConfigError(
            "nothing to train on: give a TOML file, or --data to fine-tune the shipped weights",
            code="NOTHING_GIVEN",
        )
    from afunet.training.config import load_config
    from afunet.workflows.tensorboard import tensorboard
    from afunet.workflows.train import PLAN, arithmetic, train_network
    from afunet.workflows.training_doubts import doubts_about

    work.follow(PLAN)
    chosen = load_config(
        config, data or (), steps=steps, learning_rate=learning_rate, batch_size=batch
    )
    for finding in arithmetic(chosen.precision, device)[1]:
        print_lines((f"{finding.severity}: {finding}",))
    with tensorboard(output) as record:
        result = train_network(
            chosen,
            output,
            base=config.parent if config else Path(),
            device=device,
            threads=threads,
            watch=work.watch,
            record=record,
        )
    print_lines((f"best validation Dice per case {result.validation_dice:.4f}",))
    print_files((result.checkpoint,))
    for doubt in doubts_about(result, output):
        print_warning(doubt, LEARNT_NOTHING)
