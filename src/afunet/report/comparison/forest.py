"""The forest plot: Dice of every row with its 95 % interval over patients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from afunet.evaluation.statistics import Estimate
from afunet.report.comparison.facts import TableFacts
from afunet.report.figure import COLOURS, GRID, INK, QUIET, new_figure, png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW_IN = 0.27


def draw_forest(tables: Sequence[TableFacts]) -> bytes:
    """Draw a plot for each table; returns PNG. Dots show the mean per case, rings pooled Dice."""
    heights = [len(table.rows) + 1.6 for table in tables]
    figure = new_figure(7.2, sum(heights) * _ROW_IN + 0.5)
    axes = figure.subplots(len(tables), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axis, table in zip(axes, tables, strict=True):
        _draw_table(axis, table)
    axes[-1].set_xlabel(
        "Dice, %: dot and bar: mean per case, 95 % interval over patients; ring: pooled",
        fontsize=7.5,
        color=INK,
    )
    return png(figure)


def _draw_table(axis: Axes, table: TableFacts) -> None:
    for place, row in enumerate(table.rows):
        reference = row.name == table.reference
        colour = QUIET if reference else COLOURS[0] if row.trained else COLOURS[1]
        _draw_row(axis, place, row.scores["per_case"]["dice"], colour)
        pooled = 100 * row.scores["pooled"]["dice"].value
        axis.plot(pooled, place, "o", mfc="none", mec=colour, mew=0.9, ms=6.5)
        if reference:
            axis.axvline(
                100 * row.scores["per_case"]["dice"].value, color=QUIET, lw=0.7, ls=(0, (4, 3))
            )
    axis.set_yticks(range(len(table.rows)), [row.label for row in table.rows])
    axis.set_ylim(len(table.rows) - 0.4, -0.6)
    axis.set_title(table.title, fontsize=8.5, color=INK, loc="left")
    axis.tick_params(labelsize=7.5, colors=INK, length=0)
    axis.grid(axis="x", color=GRID, lw=0.6)
    axis.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)


def _draw_row(axis: Axes, place: int, dice: Estimate, colour: str) -> None:
    if dice.low is not None and dice.high is not None:
        axis.plot([100 * dice.low, 100 * dice.high], [place, place], color=colour, lw=1.6)
    axis.plot(100 * dice.value, place, "o", color=colour, ms=4)
