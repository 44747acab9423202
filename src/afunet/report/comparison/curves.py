"""Learning curves: training loss and validation Dice over the steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from afunet.report.figure import COLOURS, GRID, INK, new_figure, png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SMOOTHING = 0.05
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curve:
    """One run: losses (N,) by step, and Dice (V,) by the steps of its validations."""

    label: str
    steps: Floats
    loss: Floats
    validation_steps: Floats
    dice: Floats


def draw_curves(tables: Mapping[str, Sequence[Curve]]) -> bytes:
    """Draw a row of two plots for each table with runs; returns PNG."""
    shown = {title: curves for title, curves in tables.items() if curves}
    figure = new_figure(9.6, max(1, len(shown)) * 2.6)
    axes = figure.subplots(max(1, len(shown)), 2, squeeze=False)
    for (loss, dice), (title, curves) in zip(axes, shown.items(), strict=False):
        _style(loss, f"{title}: training loss, smoothed")
        _style(dice, "validation Dice, mean per case, %")
        for number, (label, runs) in enumerate(_by_label(curves).items()):
            colour = COLOURS[number % len(COLOURS)]
            for repeat, run in enumerate(runs):
                name = label if repeat == 0 else "_"
                loss.plot(run.steps, smoothed(run.loss), color=colour, lw=1.1, label=name)
                dice.plot(
                    run.validation_steps, 100 * run.dice, color=colour, lw=1.1, marker="o", ms=3
                )
        loss.set_yscale("log")
        loss.legend(fontsize=7, frameon=False, labelcolor=INK)
    if not shown:
        for axis in axes[0]:
            axis.set_axis_off()
    return png(figure)


def smoothed(loss: Floats) -> Floats:
    """Return at each step the mean of the losses (N,) over the twentieth of the run before it.

    Near the start, where there are fewer steps, it is the mean of all steps so far.
    """
    width = max(1, round(_SMOOTHING * len(loss)))
    sums = np.concatenate([[0.0], np.cumsum(loss)])
    end = np.arange(1, len(loss) + 1)
    start = np.maximum(0, end - width)
    return np.asarray((sums[end] - sums[start]) / (end - start))


def _by_label(curves: Sequence[Curve]) -> dict[str, list[Curve]]:
    labels: dict[str, list[Curve]] = {}
    for curve in curves:
        labels.setdefault(curve.label, []).append(curve)
    return labels


def _style(axis: Axes, title: str) -> None:
    axis.set_title(title, fontsize=8.5, color=INK, loc="left")
    axis.set_xlabel("step", fontsize=7.5, color=INK)
    axis.tick_params(labelsize=7, colors=INK)
    axis.tick_params(which="minor", labelsize=6)
    axis.grid(color=GRID, lw=0.6)
    axis.set_axisbelow(True)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
