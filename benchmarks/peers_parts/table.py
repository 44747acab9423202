"""The printed table, and the file in which finished rows are kept."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from afunet.whole_file import whole_file
from benchmarks.bench import print_heading, print_row
from benchmarks.peers_parts.work import Measured

BEFORE = ("row", "format", "CPU s/slice:", "wall s/slice:", "products/slice:")
AFTER = ("GFLOP/slice", "Dice", "timed")


@dataclass
class Results:
    """Rows by name, and the settings that they share."""

    settings: dict[str, object]
    rows: dict[str, Measured] = field(default_factory=dict)

    @staticmethod
    def at(path: Path | None, settings: dict[str, object]) -> Results:
        """Those of a file; ends in one line if it was measured with other settings."""
        if path is None or not path.exists():
            return Results(settings)
        kept = json.loads(path.read_text())
        if kept["settings"] != settings:
            sys.exit(
                f"{path} was measured with {kept['settings']}, this run has {settings}: "
                "give another --results"
            )
        return Results(settings, {name: Measured(**row) for name, row in kept["rows"].items()})

    def save(self, path: Path | None) -> None:
        """After every row, so that a run can be stopped and taken up again."""
        if path is not None:
            with whole_file(path) as temporary:
                temporary.write_text(json.dumps(asdict(self), indent=2) + "\n")


def print_table(
    rows: dict[str, Measured], labels: dict[str, str], bases: dict[str, Measured | None]
) -> None:
    """In the order of `labels`; a dash stands where nothing was measured.

    `bases` are rows that others are compared with, by the name of the column.
    """
    print_heading(*BEFORE, *bases, *AFTER)
    for name, label in labels.items():
        if name in rows:
            print_row(label, *_cells(rows[name], list(bases.values())))


def _cells(row: Measured, bases: list[Measured | None]) -> list[str]:
    return [
        row.arithmetic,
        f"{row.cpu_s:.3f}",
        f"{row.wall_s:.3f}",
        f"{row.products:.3f}",
        *("–" if base is None else f"{row.products / base.products:.2f}" for base in bases),
        "–" if row.gflop is None else f"{row.gflop:.1f}",
        "–" if row.dice is None else f"{row.dice:.4f}",
        row.said,
    ]
