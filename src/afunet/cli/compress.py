"""The command `compress`: smaller networks that do what a larger one does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from afunet.cli.door import at_the_door
from afunet.cli.options import Device, Output, Weights
from afunet.errors import ConfigError
from afunet.inference.device_choice import DeviceChoice
from afunet.terminal.show import print_files, print_lines, print_table
from afunet.terminal.work import Work

if TYPE_CHECKING:
    from afunet.training.config import TrainingConfig
    from afunet.workflows.quantise import Quantised
    from afunet.workflows.train import TrainingResult

app = typer.Typer(
    name="compress",
    no_args_is_help=True,
    help="Make a smaller network: distil, prune or quantise. The file's header says of what.",
)

Recipe = Annotated[
    Path | None,
    typer.Argument(help="TOML file of the training; without it, that of fine-tuning."),
]
Data = Annotated[
    list[Path] | None,
    typer.Option(help="Prepared store, instead of the file's data; may be repeated."),
]
Steps = Annotated[int | None, typer.Option(help="Optimizer steps, instead of the file's.")]
Threads = Annotated[int | None, typer.Option(help="CPU threads for the network.")]


def distil(
    recipe: Annotated[
        Path, typer.Argument(help="TOML file that describes the student and its training.")
    ],
    output: Output,
    teacher: Annotated[
        str | None, typer.Option(help="Checkpoint or 'shipped', instead of the file's teacher.")
    ] = None,
    data: Data = None,
    steps: Steps = None,
    device: Device = DeviceChoice.AUTO,
    threads: Threads = None,
    *,
    work: Work,
) -> None:
    """Train a small network from a larger one's probabilities and from labels.

    Run the same command again to continue after a stop. For example:

    - `afunet compress distil experiments/compress/w16-s2.toml -o runs/small`
    - `afunet compress distil mine.toml --teacher runs/mine/best.safetensors -o runs/small`
    """
    from afunet.training.config import DistillationConfig
    from afunet.workflows.compress import distil as run
    from afunet.workflows.tensorboard import tensorboard
    from afunet.workflows.train import PLAN

    work.follow(PLAN)
    config = _config(recipe, data, steps)
    if teacher is not None:
        wanted = config.distillation or DistillationConfig()
        config = replace(config, distillation=replace(wanted, teacher=teacher))
    with tensorboard(output) as record:
        result = run(
            config,
            output,
            base=recipe.parent,
            device=device,
            threads=threads,
            record=record,
            watch=work.watch,
        )
    _show(result)


def prune(
    output: Output,
    share: Annotated[
        float, typer.Option(help="Share of the channels of every stage to remove, such as 0.5.")
    ],
    recipe: Recipe = None,
    weights: Weights = None,
    data: Data = None,
    steps: Steps = None,
    device: Device = DeviceChoice.AUTO,
    threads: Threads = None,
    *,
    work: Work,
) -> None:
    """Remove the channels of AFU-Net that matter least, then train it with itself as the teacher.

    Run the same command again to continue after a stop. For example:

    - `afunet compress prune --share 0.5 --data store -o runs/pruned`
    - `afunet compress prune experiments/compress/pruned.toml --share 0.3 -o runs/pruned`
    """
    if recipe is None and not data:
        raise ConfigError(
            "nothing to rank channels on and to train on: give a TOML file or --data",
            code="NOTHING_GIVEN",
        )
    from afunet.workflows.compress import PRUNING
    from afunet.workflows.compress import prune as run
    from afunet.workflows.tensorboard import tensorboard

    work.follow(PRUNING)
    config = _config(recipe, data, steps)
    with tensorboard(output) as record:
        result = run(
            weights,
            share,
            config,
            output,
            base=recipe.parent if recipe else Path(),
            device=device,
            threads=threads,
            record=record,
            watch=work.watch,
        )
    _show(result)


def quantise(
    output: Output,
    data: Annotated[
        str, typer.Option(help="Store or slice folder; train calibrates, val chooses how.")
    ],
    weights: Weights = None,
    slices: Annotated[int, typer.Option(min=1, help="Windows that calibrate.")] = 32,
    judged: Annotated[int, typer.Option(min=1, help="Validation slices that choose how.")] = 24,
    *,
    work: Work,
) -> None:
    """Write the network in INT8, as an ONNX file.

    Tries two calibrations, each with and without float32 in the first and the last layer, and keeps
    the one with the highest Dice. For example:

    - `afunet compress quantise --data knee -o out`
    - `afunet compress quantise --weights runs/small/best.safetensors --data store -o out`
    """
    from afunet.workflows.quantise import PLAN
    from afunet.workflows.quantise import quantise as run

    work.follow(PLAN)
    result = run(
        weights,
        data,
        output,
        calibration_slices=slices,
        validation_slices=judged,
        watch=work.watch,
    )
    print_table(_choices(result))
    print_files((result.path,))


for command in (distil, prune, quantise):
    app.command()(at_the_door(command))


def _config(recipe: Path | None, data: list[Path] | None, steps: int | None) -> TrainingConfig:
    from afunet.training.config import load_config

    return load_config(recipe, data or (), steps=steps)


def _show(result: TrainingResult) -> None:
    print_lines((f"best validation Dice per case {result.validation_dice:.4f}",))
    print_files((result.checkpoint,))


def _choices(result: Quantised) -> Table:
    table = Table(title="INT8", title_justify="left")
    for heading in ("calibration", "validation Dice per case"):
        table.add_column(heading, justify="left" if heading == "calibration" else "right")
    table.add_row("float32", f"{result.float32_dice:.4f}")
    for how, dice in result.dice.items():
        mark = " (chosen)" if how == result.chosen else ""
        table.add_row(f"{how}{mark}", f"{dice:.4f}")
    return table
