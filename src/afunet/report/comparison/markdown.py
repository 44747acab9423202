"""A comparison on one screen of Markdown; the page for the browser has the rest."""

from __future__ import annotations

from afunet.report.comparison import tables
from afunet.report.comparison.facts import ComparisonFacts, TableFacts
from afunet.report.comparison.tables import Grid


def comparison_markdown(facts: ComparisonFacts) -> str:
    """Return the summary of every table, and what its columns mean."""
    data = facts.data
    waiting = f" **{facts.waiting} runs are not finished yet.**" if facts.waiting else ""
    head = f"""\
# Comparison

{data.slices} slices of {data.cases} cases of {data.patients} patients: split `{data.split}` of
`{data.folder}`, {data.status}. Scores are in %.{waiting} Everything else is in `comparison.html`.
"""
    foot = f"""\
Dice is the mean per case: ± over seeds, in brackets the bootstrap 95 % interval over patients and
seeds. *Difference* is to the row of the table that has none, over the seeds that both have. *p* is
that of the paired t-test over patients after Holm's correction. *Detectable* is the true difference
that so few patients show in four of five trials. GFLOPs: one pass over 512 × 512 px.

afunet {facts.version}, {facts.made_on}, {facts.threads} thread(s).
"""
    return "\n".join([head, *map(_table, facts.tables), foot])


def _table(table: TableFacts) -> str:
    return f"## {table.title}\n\n{as_markdown(tables.summary(table))}"


def as_markdown(grid: Grid) -> str:
    """Return the lines of a table; numbers are at the right."""
    align = ["---", *("---:" if name else "---" for name in grid.heading[1:])]
    return "".join(f"| {' | '.join(line)} |\n" for line in (grid.heading, align, *grid.rows))
