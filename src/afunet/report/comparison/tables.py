"""The tables of a comparison as text, for Markdown and HTML alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from afunet.evaluation.published import PublishedScores
from afunet.evaluation.statistics import Estimate, PairedTest
from afunet.report.comparison.against import UNITS
from afunet.report.comparison.facts import WAYS, RowFacts, TableFacts

METRICS = {"dice": "Dice", "iou": "IoU", "recall": "recall", "precision": "precision"}
THE_PAPER, NONE = "the paper", "–"


@dataclass(frozen=True)
class Grid:
    """A table: its heading, and rows of as many cells."""

    heading: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def summary(table: TableFacts) -> Grid:
    """What a table says in one row for each method: how good, how much better, at what cost."""
    heading = ("", "Dice per case", "the paper", "difference", "p", "detectable", "GFLOPs", "seeds")
    return _grid(
        heading,
        [
            [
                row.label,
                percent(row.scores["per_case"]["dice"]),
                f"{row.paper.dice:.2f}" if row.paper else NONE,
                *_difference(row),
                _gflops(row),
                _listed(row.seeds),
            ]
            for row in table.rows
        ],
    )


def scores(table: TableFacts) -> Grid:
    """All metrics in the three ways of averaging, and the paper's below."""

    def lines(row: RowFacts) -> Iterator[list[str]]:
        for place, (way, words) in enumerate(WAYS.items()):
            values = [percent(row.scores[way][metric]) for metric in METRICS]
            yield [row.label if place == 0 else "", words, *values]
        if row.paper is not None:
            yield ["", THE_PAPER, *(f"{getattr(row.paper, metric):.2f}" for metric in METRICS)]

    return _grid(("", "", *METRICS.values()), [line for row in table.rows for line in lines(row)])


def significance(table: TableFacts) -> Grid | None:
    """Every test against the reference; None if there is nothing to test."""
    compared = [(row.label, row.against) for row in table.rows if row.against is not None]
    if not compared:
        return None
    units = {unit: compared[0][1].tests[unit].pairs for unit in UNITS}
    heading = (
        "",
        "Dice per case, difference",
        f"t-test, {units['patient']} patients",
        *(f"Wilcoxon, {number} {unit}s" for unit, number in units.items()),
    )
    rows = [
        [label, percent(one.dice_difference, signed=True), corrected(one.t_test)]
        + [corrected(one.tests[unit]) for unit in UNITS]
        for label, one in compared
    ]
    return _grid(heading, rows)


def power(table: TableFacts) -> Grid | None:
    """What so many patients can show, row by row; None if there is nothing to test."""
    rows = [
        [
            row.label,
            str(one.patients),
            f"{one.alpha:.4f}",
            f"{100 * one.sd:.2f}",
            share(one.detectable),
            NONE if one.needed is None else str(one.needed),
            str(one.wilcoxon_patients),
        ]
        for row in table.rows
        if row.against is not None
        for one in [row.against.power]
    ]
    heading = (
        "",
        "patients",
        "level",
        "standard deviation of the patients' differences",
        "detectable with 80 %",
        "patients needed for the difference seen",
        "fewest for Wilcoxon's test",
    )
    return _grid(heading, rows) if rows else None


def hard_parts(table: TableFacts) -> Grid:
    """The joint line, small pieces and false bone; means per slice."""
    with_empty = any(row.hard.false_bone_px is not None for row in table.rows)
    heading = ["", "Dice at the joint line", "Dice elsewhere", "small pieces found", "stray px"]
    heading += ["false px without bone"] if with_empty else []
    rows = []
    for row in table.rows:
        hard = row.hard
        cells = [
            row.label,
            share(hard.joint_line_dice),
            share(hard.elsewhere_dice),
            f"{hard.small_found:g} of {hard.small_pieces}",
            f"{hard.stray_px:.1f}",
        ]
        false_px = NONE if hard.false_bone_px is None else f"{hard.false_bone_px:.1f}"
        rows.append(cells + ([false_px] if with_empty else []))
    return _grid(heading, rows)


def costs(table: TableFacts) -> Grid:
    """Size, work, time, and how the training differs from the reference's."""
    rows = [
        [
            row.label,
            NONE if row.cost.parameters is None else f"{row.cost.parameters:,}",
            _gflops(row),
            f"{row.cost.seconds_per_slice:.2f}",
            row.window,
            _listed(row.seeds),
            "; ".join(row.differs) or NONE,
        ]
        for row in table.rows
    ]
    heading = ("", "parameters", "GFLOPs", "s per slice", "windows", "seeds", "differs")
    return _grid(heading, rows)


def runs(table: TableFacts) -> Grid:
    """The SHA-256 of every network, with which a repeated run is compared."""
    rows = [
        [row.label, str(seed), f"{100 * dice:.2f}", digest]
        for row in table.rows
        for seed, dice, digest in zip(row.seeds, row.validation_dice, row.weights, strict=True)
    ]
    return _grid(("", "seed", "best Dice on val", "SHA-256 of the weights"), rows)


def printed_by_the_paper(tables: Sequence[TableFacts]) -> Grid | None:
    """The paper's scores beside those that its other scores imply; None without any."""
    labels: dict[PublishedScores, str] = {}
    for row in (row for table in tables for row in table.rows):
        if row.paper is not None:
            labels.setdefault(row.paper, row.label)  # the same network may be in two tables
    heading = (
        "the paper's row",
        "Dice",
        "IoU",
        "IoU if pooled",
        "recall",
        "precision",
        "Dice if pooled",
    )
    rows = [[label, *(f"{value:.2f}" for value in _printed(one))] for one, label in labels.items()]
    return _grid(heading, rows) if rows else None


def percent(estimate: Estimate, signed: bool = False) -> str:
    """An estimate in %, with its spread over seeds and its interval."""
    sign = "+" if signed else ""
    text = f"{100 * estimate.value:{sign}.2f}"
    if estimate.seed_sd is not None:
        text += f" ± {100 * estimate.seed_sd:.2f}"
    if estimate.low is not None and estimate.high is not None:
        text += f" [{100 * estimate.low:{sign}.2f}, {100 * estimate.high:{sign}.2f}]"
    return text


def corrected(test: PairedTest) -> str:
    """A p-value before and after Holm's correction."""
    return f"{p_text(test.p)} → {p_text(test.holm_p)}"


def p_text(p: float) -> str:
    """A p-value with three decimals, or with one digit if it is smaller."""
    return f"{p:.3f}" if p >= 0.001 else f"{p:.0e}"


def share(value: float | None) -> str:
    """A share in %."""
    return NONE if value is None else f"{100 * value:.2f}"


def _difference(row: RowFacts) -> list[str]:
    if row.against is None:
        return [NONE, NONE, NONE]
    one = row.against
    difference = percent(one.dice_difference, signed=True)
    return [difference, p_text(one.t_test.holm_p), share(one.power.detectable)]


def _gflops(row: RowFacts) -> str:
    return NONE if row.cost.gflops is None else f"{row.cost.gflops:.1f}"


def _listed(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds)) or NONE


def _printed(paper: PublishedScores) -> Iterable[float]:
    return (
        paper.dice,
        paper.iou,
        paper.pooled_iou,
        paper.recall,
        paper.precision,
        paper.pooled_dice,
    )


def _grid(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> Grid:
    return Grid(tuple(heading), tuple(tuple(row) for row in rows))
