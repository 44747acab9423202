"""The command `compare`: networks side by side."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from afunet.cli.options import Device, Output
from afunet.errors import ExitCode
from afunet.inference.device_choice import DeviceChoice
from afunet.terminal.messages import print_warning
from afunet.terminal.show import print_files, print_lines, print_missing, print_table
from afunet.terminal.work import Work

if TYPE_CHECKING:
    from afunet.report.comparison.facts import TableFacts


def compare(
    experiments: Annotated[
        list[Path], typer.Argument(help="TOML files or folders of them, as in experiments/.")
    ],
    output: Output,
    data: Annotated[str, typer.Option(help="Store or slice folder to compare on.")] = "knee",
    split: Annotated[str, typer.Option(help="test, or val while test must stay unseen.")] = "test",
    status: Annotated[
        str, typer.Option(help="Only slices with this status; an empty string takes all.")
    ] = "checked",
    runs: Annotated[Path, typer.Option(help="Folder of the runs to train or reuse.")] = Path(
        "runs"
    ),
    device: Device = DeviceChoice.AUTO,
    threads: Annotated[int | None, typer.Option(help="CPU threads for the network.")] = None,
    hours: Annotated[
        float, typer.Option(help="Stop after so many hours; the same command goes on.")
    ] = inf,
    *,
    work: Work,
) -> None:
    """Train or reuse networks and compare them on slices that none was trained on.

    Writes comparison.html (open it in a browser), comparison.md, comparison.json, panel.png,
    curves.png and forest.png into OUT. Run the same command again to continue after a stop. When
    the time of --hours is up, the runs that are finished are compared, and the exit code is 3.

    For example:

    - `afunet compare experiments/*.toml -o out`
    - `afunet compare experiments/table1 --split val -o out`
    """
    from afunet.workflows.compare import PLAN
    from afunet.workflows.compare import compare as run
    from afunet.workflows.finished_runs import CompareOptions
    from afunet.workflows.own_files import removal_note

    work.follow(PLAN)
    options = CompareOptions(data, split, status or None, runs, device, threads, hours)
    done = run(experiments, output, options, watch=work.watch)
    for table in done.facts.tables:
        print_table(_table(table))
    print_files(done.files)
    print_missing(done.not_written)
    print_lines(removal_note(output, "compare"))
    if done.waiting:
        print_warning(f"{done.waiting} runs are not finished: give the same command again to go on")
    if done.not_written or done.waiting:
        raise typer.Exit(ExitCode.INCOMPLETE)


def _table(facts: TableFacts) -> Table:
    from afunet.report.comparison.facts import WAYS

    table = Table(title=facts.title, title_justify="left")
    for heading in ("Dice, %", *WAYS.values(), "paper", "p (Holm) over cases"):
        table.add_column(heading, justify="left" if heading == "Dice, %" else "right")
    for row in facts.rows:
        table.add_row(
            row.label,
            *(f"{100 * row.scores[way]['dice'].value:.2f}" for way in WAYS),
            f"{row.paper.dice:.2f}" if row.paper else "–",
            f"{row.against.tests['case'].holm_p:.3f}" if row.against else "–",
        )
    return table
