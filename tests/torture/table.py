"""Write what comes of every case as a page: `python -m tests.torture.table [words]`.

Words choose the cases whose names hold one of them; without words all are run.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from .case import Case
from .cases import CASES
from .outcome import complaints, outcome_of

TITLE = """\
# The torture suite, case by case

Printed by `python -m tests.torture.table > docs/measurements/torture.md`. *Same* is the same bone
as the plain form's; a code is a refusal. What each code means stands in
[Geometry](../geometry.md#findings-and-refusals).
"""
HEADINGS = ("case", "default", "strict", "findings", "Dice", "landmark off (mm)", "as expected")


def rows(names: list[str]) -> Iterator[tuple[str, ...]]:
    """One row a case, in the order of the cases."""
    for name in names:
        yield (name, *_cells(CASES[name]))


def _cells(case: Case) -> tuple[str, ...]:
    with TemporaryDirectory() as parent:
        folder = Path(parent, "case")
        folder.mkdir()
        case.write(folder)
        default = outcome_of(case, folder, strict=False)
        strict = outcome_of(case, folder, strict=True)
    wrong = complaints(default, case.expect, case.findings)
    wrong += [f"strict: {text}" for text in complaints(strict, case.strict, case.findings)]
    off = default.difference
    return (
        default.in_words,
        strict.in_words,
        ", ".join(default.findings),
        "" if off is None else f"{off.dice:.4f}",
        "" if off is None else f"{off.landmark_mm:.3f}",
        "; ".join(wrong) or "yes",
    )


def main() -> None:
    """Print the page, row by row as they come."""
    words = sys.argv[1:]
    names = [name for name in CASES if not words or any(word in name for word in words)]
    print(TITLE)
    print("| " + " | ".join(HEADINGS) + " |")
    print("|" + " --- |" * len(HEADINGS))
    for row in rows(names):
        print("| " + " | ".join(cell.replace("|", "/") for cell in row) + " |", flush=True)


if __name__ == "__main__":
    main()
