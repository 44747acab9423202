"""The tables that `afunet evaluate` prints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from rich import box
from rich.table import Table

from afunet.evaluation.fragments import FragmentScore, fragment_means
from afunet.evaluation.landmarks import LandmarkScore
from afunet.evaluation.metric import Metric
from afunet.evaluation.overlap import METRICS, Agreement
from afunet.evaluation.statistics import Estimate
from afunet.evaluation.structures import ALL_METRICS, StructureMean, StructureScore
from afunet.evaluation.surface import SURFACE_METRICS
from afunet.workflows.evaluate import Evaluation

Means = Mapping[str, Estimate | None]
COUNTED = ("missed", "merged", "split", "extra")
MATCHED = ("iou", "hd95_mm", "assd_mm")


def tables_of(evaluation: Evaluation) -> Iterable[Table]:
    """Yield the tables: overlap of all bone and of each class, distances, structures, pieces."""
    yield _overlap_table(evaluation)
    if evaluation.classes:
        yield _class_table(evaluation.classes)
    if evaluation.distances:
        yield _distance_table(evaluation)
    if evaluation.structures:
        yield _structure_table(evaluation.structures)
    if len(evaluation.structures) > 1:
        yield _structure_mean_table(evaluation.structure_means)
    if len(evaluation.fragments) == 1:
        yield _piece_table(next(iter(evaluation.fragments.values())))
    if evaluation.fragments:
        yield _fragment_table(evaluation.fragments)


def landmark_table(scores: Mapping[str, Sequence[LandmarkScore]]) -> Table:
    """Return a row for each landmark, and the mean of each bone over what was found."""
    table = _table("", "off, mm", "one rater, mm", "raters")
    for bone, every in scores.items():
        for one in every:
            off = "not found" if one.found_mm is None else f"{one.found_mm:.2f}"
            table.add_row(f"{bone}: {one.landmark}", off, f"{one.rater_mm:.2f}", str(one.raters))
        found = [one.found_mm for one in every if one.found_mm is not None]
        off = f"{fmean(found):.2f}" if found else "none found"
        table.add_row(f"{bone}: mean of {len(found)} of {len(every)}", off, "", "")
        table.add_section()
    return table


def _table(*headings: str) -> Table:
    """Return a table: text in the first column, numbers in the others, units under headings."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for number, heading in enumerate(headings):
        two_lines = heading.replace(", mm", "\nmm").replace(" mm", "\nmm")
        table.add_column(two_lines, justify="right" if number else "left", no_wrap=True)
    return table


def _overlap_table(evaluation: Evaluation) -> Table:
    table = _table("", *(metric.title for metric in METRICS.values()))
    for name, values in evaluation.cases.items():
        table.add_row(name, *_numbers(values, METRICS))
    table.add_section()
    means = evaluation.agreement
    table.add_row(f"mean of {means.slices} slices", *_numbers(means.per_slice, METRICS))
    table.add_row(f"mean of {means.cases} cases", *_numbers(means.per_case, METRICS))
    _add_interval(table, evaluation.means, METRICS, evaluation.unit)
    table.add_row("pooled", *_numbers(means.pooled, METRICS))
    return table


def _class_table(classes: Mapping[str, Agreement]) -> Table:
    """Return one row for each class, its mean over cases, and the mean of the classes."""
    table = _table("class (cases)", *(metric.title for metric in METRICS.values()))
    for name, own in classes.items():
        table.add_row(f"{name} ({own.cases})", *_numbers(own.per_case, METRICS))
    table.add_section()
    means = {metric: fmean(own.per_case[metric] for own in classes.values()) for metric in METRICS}
    table.add_row(f"mean of {len(classes)} classes", *_numbers(means, METRICS))
    return table


def _distance_table(evaluation: Evaluation) -> Table:
    table = _table("", *(metric.title for metric in SURFACE_METRICS.values()))
    for name, values in evaluation.distances.items():
        table.add_row(name, *_numbers(values, SURFACE_METRICS))
    if len(evaluation.distances) > 1:
        table.add_section()
        _add_mean(table, f"mean of {len(evaluation.distances)} cases", evaluation.means)
    return table


def _structure_table(structures: Mapping[str, Sequence[StructureScore]]) -> Table:
    table = _table("", *(metric.title for metric in ALL_METRICS.values()))
    for case, scores in structures.items():
        if len(structures) > 1:
            table.add_section()
            table.add_row(f"[bold]{case}[/]")
        for score in scores:
            table.add_row(score.structure, *_numbers(score.values, ALL_METRICS, 3))
    return table


def _structure_mean_table(means: Sequence[StructureMean]) -> Table:
    table = _table("mean (cases)", *(metric.title for metric in ALL_METRICS.values()))
    for mean in means:
        _add_mean(table, f"{mean.structure} ({mean.cases})", mean.values, ALL_METRICS, 3)
    return table


def notes_of(evaluation: Evaluation) -> Iterable[str]:
    """Yield a line on everything that the means leave out."""
    empty = evaluation.agreement.empty_slices
    if empty:
        yield f"{empty} slices without bone in either mask: not in the means"
    for mean in evaluation.structure_means if len(evaluation.structures) > 1 else ():
        if mean.one_sided:
            yield (
                f"{mean.structure}: in {mean.one_sided} of {mean.cases} cases only the prediction "
                "or only the truth has it; the mean distances leave these cases out"
            )


def findings_of(evaluation: Evaluation) -> Iterable[str]:
    """Yield a line on each finding about the files."""
    for case, findings in evaluation.findings.items():
        for finding in findings:
            yield f"{case}: {finding.severity}: {finding}"


def _piece_table(score: FragmentScore) -> Table:
    table = _table("fragment", "mm³", "found as", "IoU", "HD95, mm", "ASSD, mm", "")
    for match in score.matches:
        table.add_row(
            str(match.true),
            f"{match.mm3:,.0f}",
            str(match.found) if match.found else "–",
            f"{match.iou:.4f}",
            _number(match.hd95_mm, 4),
            _number(match.assd_mm, 4),
            "" if match.is_found else "missed",
        )
    return table


def _fragment_table(fragments: Mapping[str, FragmentScore]) -> Table:
    table = _table("", "fragments", "found", *COUNTED, "IoU", "HD95, mm", "ASSD, mm")
    for case, score in fragments.items():
        means, asked = fragment_means([score]), len(score.matches)
        counts = (getattr(score, name) for name in COUNTED)
        values = (_number(_edge(means[name], "value"), 4) for name in MATCHED)
        table.add_row(case, str(asked), str(asked - score.missed), *map(str, counts), *values)
    if len(fragments) > 1:
        table.add_section()
        means = fragment_means(list(fragments.values()))
        shown = {"recall": 3, **dict.fromkeys(COUNTED, 2), **dict.fromkeys(MATCHED, 4)}
        for words, edge in (("mean", "value"), ("95 % from", "low"), ("to", "high")):
            cells = (_number(_edge(means[name], edge), digits) for name, digits in shown.items())
            table.add_row(words, "", *cells)
    return table


def _add_mean(
    table: Table,
    words: str,
    means: Means,
    metrics: Mapping[str, Metric[Any]] = SURFACE_METRICS,
    digits: int = 4,
) -> None:
    table.add_row(words, *(_number(_edge(means[name], "value"), digits) for name in metrics))
    _add_interval(table, means, metrics, digits=digits)


def _add_interval(
    table: Table,
    means: Means,
    metrics: Mapping[str, Metric[Any]],
    unit: str = "cases",
    digits: int = 4,
) -> None:
    """Add two rows with the ends of the intervals; none if there is only one unit."""
    if any(_edge(means[name], "low") is not None for name in metrics):
        for words, edge in ((f"  95 % ({unit}) from", "low"), ("  to", "high")):
            table.add_row(words, *(_number(_edge(means[name], edge), digits) for name in metrics))


def _numbers(
    values: Mapping[str, float], metrics: Mapping[str, Metric[Any]], digits: int = 4
) -> list[str]:
    return [_number(values[name], digits) for name in metrics]


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _edge(estimate: Estimate | None, edge: str) -> float | None:
    value: float | None = None if estimate is None else getattr(estimate, edge)
    return value
