"""Fit the calibration of a checkpoint on validation slices and write a copy that has it.

    .venv/bin/python -m experiments.calibrate CHECKPOINT -o NEW --data "$AFUNET_DATA/knee" \
        --data runs/sim4v [--figure docs/images/reliability.png]

CHECKPOINT may be `shipped`. From each folder at most `--slices` labelled slices of its validation
split are taken, evenly spread over its cases; all pixels that the network saw count, both folders
alike. Scale and offset minimise the negative log-likelihood. Prints the expected calibration error
over all pixels and over the band within 5 px of the predicted or true outline, before and after,
and after with each case judged by a fit on the others; then the reliability table of the band. The
mask stays as it is: it is decided by the probability before calibration.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from afunet.data.slices import LabelledSlice
from afunet.evaluation.calibration import (
    LogitCounts,
    count_logits,
    expected_calibration_error,
    fit_platt,
    outline_band,
    reliability,
)
from afunet.models.calibration import UNCALIBRATED
from afunet.models.checkpoint import load_checkpoint, save_checkpoint
from afunet.models.shipped import shipped_path
from afunet.report.figure import COLOURS, GRID, INK, QUIET, new_figure, png
from afunet.workflows.scoring import load_split
from benchmarks.bench import Network, parser_of, print_heading, print_row

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BAND_PX = 5.0


@dataclass(frozen=True, eq=False)
class CaseCounts:
    """One case's pixels: all of them, and those near an outline."""

    folder: str
    every: LogitCounts
    band: LogitCounts


def main(argv: Sequence[str] | None = None) -> None:
    """Fit, print, write."""
    parser = parser_of(__doc__)
    parser.add_argument("checkpoint", help="a weights file, or shipped")
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--slices", type=int, default=48)
    parser.add_argument("--half", action="store_true", help="store float16, as shipped weights")
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args(argv)
    shipped = options.checkpoint == "shipped"
    path = shipped_path() if shipped else Path(options.checkpoint)
    cases = list(counted(Network(path), options.data, options.slices))
    found = fitted(cases)
    print(f"scale {found[0]:.4f}, offset {found[1]:+.4f}, from {len(cases)} cases")
    print_errors(cases, found)
    print_table(cases, found)
    if options.figure is not None:
        options.figure.write_bytes(png(figure(cases, found)))
    if options.output is not None:
        checkpoint = load_checkpoint(path)
        header = replace(checkpoint.header, calibration=found)
        digest = save_checkpoint(
            options.output, checkpoint.network(), header, half=options.half or shipped
        )
        print(f"{options.output.name}: SHA-256 {digest}")


def counted(network: Network, folders: list[Path], most: int) -> Iterator[CaseCounts]:
    """Predict the validation slices of every folder and count their pixels case by case."""
    header = network.header
    for folder in folders:
        slices = spread(load_split(folder, "val", header.input_slices), most)
        for case in dict.fromkeys(item.record.case for item in slices):
            every = band = LogitCounts.none()
            for item in (item for item in slices if item.record.case == case):
                probability = network.probability(item).astype(np.float64)
                truth = item.mask > 0
                near = outline_band(probability >= header.threshold, truth, BAND_PX)
                every += count_logits(probability, truth)
                band += count_logits(probability[near], truth[near])
            yield CaseCounts(str(folder), every, band)


def spread(slices: tuple[LabelledSlice, ...], most: int) -> list[LabelledSlice]:
    """At most so many, evenly spread over the cases and their levels."""
    ordered = sorted(slices, key=lambda item: (item.record.case, item.record.level))
    chosen = np.unique(
        np.linspace(0, len(ordered) - 1, min(most, len(ordered))).round().astype(int)
    )
    return [ordered[index] for index in chosen]


def pooled(cases: list[CaseCounts], *, band: bool = False) -> LogitCounts:
    """All cases together, every folder with the same number of pixels."""
    total = LogitCounts.none()
    for folder in dict.fromkeys(case.folder for case in cases):
        own = LogitCounts.none()
        for case in cases:
            if case.folder == folder:
                own += case.band if band else case.every
        total += own.weighed(1e6 / max(own.pixels.sum(), 1.0))
    return total


def fitted(cases: list[CaseCounts]) -> tuple[float, float]:
    """The calibration of these cases."""
    return fit_platt(pooled(cases))


def print_errors(cases: list[CaseCounts], found: tuple[float, float]) -> None:
    """ECE by folder: all pixels and band; before, after, after by fits on the other cases."""
    others = [fitted([case for case in cases if case is not left]) for left in cases]
    left_out_heading = "after, each case by a fit on the others:"
    print_heading("validation", "pixels", "ECE before:", "after:", left_out_heading)
    for folder in dict.fromkeys(case.folder for case in cases):
        for band in (False, True):
            own = [
                (case, fit)
                for case, fit in zip(cases, others, strict=True)
                if case.folder == folder
            ]
            counts = pooled([case for case, _ in own], band=band)
            left_out = [
                expected_calibration_error(reliability(case.band if band else case.every, fit))
                for case, fit in own
            ]
            before, after = (
                expected_calibration_error(reliability(counts, pair))
                for pair in (UNCALIBRATED, found)
            )
            what = f"within {BAND_PX:g} px of an outline" if band else "all"
            errors = before, after, float(np.mean(left_out))
            print_row(Path(folder).name, what, *(f"{error:.4f}" for error in errors))


def print_table(cases: list[CaseCounts], found: tuple[float, float]) -> None:
    """Reliability of the band, folders alike."""
    print()
    columns = ("share that is bone, before:", "probability:", "after:", "share of pixels:")
    print_heading("probability:", *columns)
    counts = pooled(cases, band=True)
    before, after = reliability(counts), reliability(counts, found)
    for old, new in zip(before, after, strict=False):
        share = new.pixels / counts.pixels.sum()
        values = (old.probability, old.share, new.probability, new.share, share)
        print_row(*(f"{value:.3f}" for value in values))


def figure(cases: list[CaseCounts], found: tuple[float, float]) -> Figure:
    """The band's reliability, folder by folder, before and after."""
    drawn = new_figure(7.6, 4.2)
    panels = drawn.subplots(1, 2, sharey=True)
    for axes, pair, title in zip(
        panels, (UNCALIBRATED, found), ("as the network gives it", "calibrated"), strict=True
    ):
        axes.plot((0, 1), (0, 1), color=QUIET, linewidth=1, linestyle=":")
        for colour, folder in zip(COLOURS, dict.fromkeys(case.folder for case in cases)):  # noqa: B905
            own = [case for case in cases if case.folder == folder]
            rows = reliability(pooled(own, band=True), pair)
            axes.plot(
                [row.probability for row in rows],
                [row.share for row in rows],
                marker="o",
                markersize=4,
                color=colour,
                label=f"{Path(folder).name}, ECE {expected_calibration_error(rows):.3f}",
            )
        axes.set_title(title, color=INK, fontsize=10)
        axes.set_xlabel("probability of bone", color=INK)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        axes.set_aspect("equal")
        axes.grid(color=GRID)
        axes.legend(frameon=False, loc="upper left", fontsize=9)
    panels[0].set_ylabel("share that is bone", color=INK)
    return drawn


if __name__ == "__main__":
    main()
