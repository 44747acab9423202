"""Print what a command found to the output stream."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from afunet.findings import Severity
from afunet.terminal.messages import print_failure
from afunet.terminal.streams import console

if TYPE_CHECKING:
    from afunet.report.case.facts import Report
    from afunet.report.not_written import NotWritten

FIRST_FLAGS = 4
MOST_FILES_LISTED = 16
FILE_TABLE_COLUMNS = 80


def print_case(folder: Path, report: Report) -> None:
    """Print a finished scan: its bone, confidence, flags, findings, files, and what is missing."""
    from afunet.geometry.sizes import counted, volume_text  # NumPy, which starting does not need

    bone = volume_text(report.bone.volume_cm3 * 1000, report.grid.spacing_known)
    pieces = counted(report.bone.pieces, "piece")
    seconds = sum(report.run.seconds.values())
    print_lines((f"{report.case}: {bone} of bone in {pieces}, {seconds:.0f} s",))
    print_lines(filter(None, [report.confidence.words and f"  {report.confidence.words}"]))
    warnings = [flag for flag in report.flags if flag.severity is Severity.WARNING]
    print_lines(f"  look at: {flag.message}" for flag in warnings[:FIRST_FLAGS])
    if len(warnings) > FIRST_FLAGS:
        print_lines((f"  and {len(warnings) - FIRST_FLAGS} more warnings in the report",))
    print_lines(f"  {finding.severity}: {finding}" for finding in report.findings)
    print_files(tuple(folder / name for name in report.files))
    print_missing(report.not_written, report.case)


def print_missing(results: Iterable[NotWritten], case: str = "") -> None:
    """Print a line on each result that could not be written."""
    for missing in results:
        of_case = f"{case}: " if case else ""
        print_failure(f"{of_case}{missing.format} is missing: {missing.reason}", missing.code)


def print_lines(lines: Iterable[str]) -> None:
    """Print lines unchanged."""
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def print_files(paths: Iterable[Path]) -> None:
    """Print a line for each file; for a folder of many files, its name and their number."""
    paths = list(paths)
    held = Counter(path.parent for path in paths)
    many = {folder for folder, count in held.items() if count > MOST_FILES_LISTED}
    lines = (
        f"  {path.parent}: {held[path.parent]} files" if path.parent in many else f"  {path}"
        for path in paths
    )
    print_lines(dict.fromkeys(lines))


def print_table(table: Table) -> None:
    """Print a table if it fits the terminal, or 80 columns of a file; else its rows as lines."""
    room = console.width if console.is_terminal else FILE_TABLE_COLUMNS
    options = console.options.update(max_width=10_000)
    if Measurement.get(console, options, table).maximum <= room:
        console.print(table)
    else:
        print_lines(as_rows(table))


def as_rows(table: Table) -> Iterable[str]:
    """Yield each row as its first cell and, below it, a line for each other cell with a value."""
    if table.title:
        yield _text(table.title)
    headings = [_text(column.header) for column in table.columns]
    wide = max((len(heading) for heading in headings[1:]), default=0)
    for cells in zip(*(column.cells for column in table.columns), strict=True):
        first, *others = (_text(cell) for cell in cells)
        yield first
        for heading, cell in zip(headings[1:], others, strict=True):
            if cell:
                yield f"  {heading:<{wide}}  {cell}"


def _text(cell: object) -> str:
    """Return a cell's text on one line, without its markup."""
    text = cell if isinstance(cell, Text) else Text.from_markup(str(cell))
    return " ".join(text.plain.split())
