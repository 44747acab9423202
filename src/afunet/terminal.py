"""What the command line shows: progress, results, failures; and how Ctrl-C stops the work."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as ProgressBar

from afunet.formats.findings import Severity
from afunet.progress import CancelToken, Progress, silent
from afunet.report.facts import Report

FIRST_FLAGS = 4
console = Console()
errors = Console(stderr=True)


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Progress]:
    """A progress callback that draws one bar a stage on the terminal's error stream."""
    if quiet or not errors.is_terminal:
        yield silent
        return
    columns = (
        TextColumn("{task.description:<20}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with ProgressBar(*columns, console=errors, transient=True) as bar:
        tasks: dict[str, int] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total)
            bar.update(tasks[stage], completed=done, total=total)  # type: ignore[arg-type]

        yield report


@contextmanager
def cancel_on_interrupt() -> Iterator[CancelToken]:
    """The first Ctrl-C asks the work to stop at its next step; a second one breaks it off."""
    token = CancelToken()

    def ask(number: int, frame: object) -> None:
        if token.cancelled:
            raise KeyboardInterrupt
        token.cancel()

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield token
    finally:
        signal.signal(signal.SIGINT, before)


def print_failure(reason: str) -> None:
    """One line on the error stream."""
    errors.print("[red]error:[/] ", end="")
    errors.print(" ".join(reason.split()), markup=False, highlight=False, soft_wrap=True)


def print_case(folder: Path, report: Report) -> None:
    """A finished scan: its bone, what was noticed, its files."""
    unit = "cm³" if report.grid.spacing_known else "thousand voxels"
    seconds = sum(report.run.seconds.values())
    pieces = len(report.pieces) or report.bone.pieces
    plural = "" if pieces == 1 else "s"
    console.print(
        f"{report.case}: {report.bone.volume_cm3:.1f} {unit} of bone in {pieces} piece{plural}, "
        f"{seconds:.0f} s",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    warnings = [flag for flag in report.flags if flag.severity is Severity.WARNING]
    for flag in warnings[:FIRST_FLAGS]:
        console.print(f"  look at: {flag.message}", markup=False, highlight=False)
    if len(warnings) > FIRST_FLAGS:
        console.print(f"  and {len(warnings) - FIRST_FLAGS} more places in the report")
    for finding in report.findings:
        console.print(f"  {finding.severity}: {finding}", markup=False, highlight=False)
    print_files(tuple(folder / name for name in report.files))


def print_lines(lines: Iterable[str]) -> None:
    """Lines as they are."""
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def print_files(paths: tuple[Path, ...]) -> None:
    """A line a file."""
    for path in paths:
        console.print(f"  {path}", markup=False, highlight=False, soft_wrap=True)
