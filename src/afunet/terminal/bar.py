"""Progress as one bar of the whole work."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from afunet.plan import Moment, Show
from afunet.terminal.lines import in_words
from afunet.terminal.streams import errors


@contextmanager
def bar() -> Iterator[Show]:
    """Draw moments as one bar on the terminal's error stream; the bar is removed at the end."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[left]}"),
        TimeElapsedColumn(),
    )
    drawn = Progress(
        *columns,
        console=errors,
        transient=True,
        # Text that goes into a pipe must not appear on the terminal.
        redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
    )
    with drawn:
        task = drawn.add_task("starting", total=None, left="")

        def show(moment: Moment) -> None:
            drawn.update(
                task,
                description=described(moment),
                total=None if moment.fraction is None else 1.0,
                completed=moment.fraction or 0.0,
                left="" if moment.seconds_left is None else f"{in_words(moment.seconds_left)} left",
            )

        yield show


def described(moment: Moment) -> str:
    """Return the case, the stage and its units, in about 34 columns."""
    units = f" {moment.done}/{moment.total}" if moment.total > 1 else ""
    case = f"{moment.case[:12]}: " if moment.case else ""
    return f"{case}{moment.stage}{units}"
