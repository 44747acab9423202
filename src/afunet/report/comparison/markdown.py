"""A comparison as Markdown: our scores and the paper's, with intervals, tests and costs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from afunet.evaluation.published import PublishedScores
from afunet.evaluation.statistics import Estimate
from afunet.report.comparison.against import UNITS
from afunet.report.comparison.facts import (
    WAYS,
    ComparisonFacts,
    DataFacts,
    TableFacts,
)

METRICS = ("dice", "iou", "recall", "precision")
HEADINGS = {"dice": "Dice", "iou": "IoU", "recall": "recall", "precision": "precision"}


_PAPER_POOLED = """\
Means over slices would hardly do that. So our **pooled** scores are probably the ones to compare
with the paper's (or the paper's IoU was computed from its mean Dice). The paper's recall and
precision do not fit its Dice in the same way; they were probably averaged differently."""
_PAPER_UNCLEAR = "This does not settle the question."


def comparison_markdown(facts: ComparisonFacts) -> str:
    """Return the page, with figures linked by their file names."""
    parts = [
        "# Comparison\n",
        _how(facts),
        *(_table(table) for table in facts.tables),
        _paper_section(facts.tables),
        _figures(facts),
    ]
    return "\n".join(part for part in parts if part)


def _how(facts: ComparisonFacts) -> str:
    data = facts.data
    return f"""\
{data.slices} slices of {data.cases} cases (limbs) of {data.patients} patients: split
`{data.split}` of `{data.folder}`, {data.status}. No run was trained on these patients.
Scores are in %. In brackets: the bootstrap 95 % interval over patients (a patient is drawn with
all slices); ± is the standard deviation over seeds if a row has several.

- *mean per slice*, *mean per case* (left and right limb of a patient are two cases) and *pooled*
  (all pixels counted together) answer different questions. The means leave out slices in which
  neither the truth nor the prediction has bone.
- Every network is treated alike: native pixels, float32, threshold 0.5, overlapping windows of the
  size of its training crops (unless its row says otherwise), its batch statistics measured again as
  its training file says. *Differs* lists the differences from the reference row.
- GFLOPs: one pass over 512 × 512 px; overlapping windows cost more. Seconds per slice: median, all
  rows in turn on {facts.device} with {facts.threads} thread(s), including windows and assembly.
- {_joint_line(data)}
- {_bone_free(data)}
- Small pieces: pieces of true bone under 400 px. A piece is found if at least half of its pixels
  are predicted. Stray bone: predicted pixels in pieces that touch no true bone.

afunet {facts.version}.
"""


def _joint_line(data: DataFacts) -> str:
    without = sum(level is None for level in data.joint_levels.values())
    text = (
        f"Joint line: {data.joint_line_slices} slices within two levels of the minimum of the "
        "true bone's area between the two ends of the joint. Levels without a label are not "
        "scored; if the minimum is at such a level, the labelled level with the least bone is "
        "taken."
    )
    return text + (f" {without} case(s) show no such minimum." if without else "")


def _bone_free(data: DataFacts) -> str:
    if not data.slices_without_bone:
        return (
            "This split has no slice without bone, so false bone on such slices could not be "
            "measured. Stray bone is given instead."
        )
    return f"{data.slices_without_bone} slices have no bone: false bone on them is given in px."


def _table(table: TableFacts) -> str:
    parts = [f"## {table.title}\n", _scores(table)]
    if table.reference is not None:
        parts.append(_tests(table))
    parts.append(_hard(table))
    parts.append(_costs(table))
    return "\n".join(parts)


def _scores(table: TableFacts) -> str:
    rows = []
    for row in table.rows:
        for number, (way, words) in enumerate(WAYS.items()):
            values = [_percent(row.scores[way][metric]) for metric in METRICS]
            rows.append([f"**{row.label}**" if number == 0 else "", words, *values])
        if row.paper is not None:
            values = [f"{getattr(row.paper, metric):.2f}" for metric in METRICS]
            rows.append(["", "*the paper*", *(f"*{value}*" for value in values)])
    return _grid(["", "", *HEADINGS.values()], rows)


def _tests(table: TableFacts) -> str:
    reference = next(row for row in table.rows if row.name == table.reference)
    others = [row for row in table.rows if row.against is not None]
    if not others:
        return ""
    rows = []
    for row in others:
        assert row.against is not None
        tests = [row.against.tests[unit] for unit in UNITS]
        rows.append(
            [
                row.label,
                _percent(row.against.dice_difference, signed=True),
                *(f"{_p(test.p)} → {_p(test.holm_p)}" for test in tests),
            ]
        )
    patients, cases, slices = (others[0].against.tests[unit] for unit in UNITS)  # type: ignore[union-attr]
    heading = [
        "",
        "Dice per case, difference",
        f"p over {patients.pairs} patients",
        f"p over {cases.pairs} cases",
        f"p over {slices.pairs} slices",
    ]
    return (
        f"Against **{reference.label}**: paired Wilcoxon tests of Dice, two-sided, p → p after "
        f"Holm's correction over the {len(others)} row(s).\n\n" + _grid(heading, rows) + "\n"
        f"Before the correction the smallest possible p is {_p(patients.smallest_p)} with "
        f"{patients.pairs} patients and {_p(cases.smallest_p)} with {cases.pairs} cases: a larger "
        "p says little, however large the effect. Cases of one patient are not independent, and "
        "slices even less: their p are too small and only secondary.\n"
    )


def _hard(table: TableFacts) -> str:
    with_empty = any(row.hard.false_bone_px is not None for row in table.rows)
    heading = ["", "Dice at the joint line", "Dice elsewhere", "small pieces found", "stray px"]
    heading += ["false px without bone"] if with_empty else []
    rows = []
    for row in table.rows:
        hard = row.hard
        cells = [
            row.label,
            _share(hard.joint_line_dice),
            _share(hard.elsewhere_dice),
            f"{hard.small_found:g} of {hard.small_pieces}",
            f"{hard.stray_px:.1f}",
        ]
        rows.append(cells + ([_number(hard.false_bone_px)] if with_empty else []))
    return "Means per slice:\n\n" + _grid(heading, rows)


def _costs(table: TableFacts) -> str:
    rows = [
        [
            row.label,
            "–" if row.cost.parameters is None else f"{row.cost.parameters:,}",
            "–" if row.cost.gflops is None else f"{row.cost.gflops:.1f}",
            f"{row.cost.seconds_per_slice:.2f}",
            row.window,
            ", ".join(map(str, row.seeds)) or "–",
            "; ".join(f"`{item}`" for item in row.differs) or "–",
        ]
        for row in table.rows
    ]
    return _grid(["", "parameters", "GFLOPs", "s per slice", "windows", "seeds", "differs"], rows)


def _paper_section(tables: Sequence[TableFacts]) -> str:
    labels: dict[PublishedScores, str] = {}
    for row in (row for table in tables for row in table.rows):
        if row.paper is not None:
            labels.setdefault(row.paper, row.label)  # the same network may be in two tables
    if not labels:
        return ""
    rows = [[label, *(f"{value:.2f}" for value in _printed(one))] for one, label in labels.items()]
    heading = [
        "the paper's row",
        "Dice",
        "IoU",
        "IoU if pooled",
        "recall",
        "precision",
        "Dice if pooled",
    ]
    fitting = sum(map(_fits, labels))
    return f"""\
## Which average the paper prints

The paper does not say. For pooled counts IoU = Dice / (2 − Dice), and Dice is the harmonic mean of
recall and precision. For means over slices the mean IoU can only be larger than the first, and the
mean Dice only smaller than the second.

{_grid(heading, rows)}
The printed IoU equals that of pooled counts, up to rounding, in {fitting} of {len(labels)} rows.
{_PAPER_POOLED if 2 * fitting > len(labels) else _PAPER_UNCLEAR} Rows whose IoU lies below the
pooled one, or whose Dice lies above the harmonic mean, fit no single way of averaging. The data
differ too: the paper's 8,000 slices are not public and were split by slice; ours are split by
patient.
"""


def _figures(facts: ComparisonFacts) -> str:
    shown = "".join(f"\n- {line}" for line in facts.panel)
    return f"""\
## Figures

![Dice with intervals](forest.png)

![Learning curves](curves.png)

![Hardest slices](panel.png)

The panel's slices are chosen by rule: the two with the lowest mean Dice over its networks, the two
whose true bone is darkest on average, and the two with the smallest piece of true bone (at least
30 px). No slice is shown twice, and no two slices are of one case if possible. All are shown at one
scale, with the networks of the first seed.
{shown}
"""


def _printed(paper: PublishedScores) -> Iterable[float]:
    return (
        paper.dice,
        paper.iou,
        paper.pooled_iou,
        paper.recall,
        paper.precision,
        paper.pooled_dice,
    )


def _fits(paper: PublishedScores) -> bool:
    """Return whether Dice and IoU, each rounded to 0.01, can come from the same pooled counts."""
    return abs(paper.iou - paper.pooled_iou) <= 0.015


def _percent(estimate: Estimate, signed: bool = False) -> str:
    sign = "+" if signed else ""
    text = f"{100 * estimate.value:{sign}.2f}"
    if estimate.seed_sd is not None:
        text += f" ± {100 * estimate.seed_sd:.2f}"
    if estimate.low is not None and estimate.high is not None:
        text += f" [{100 * estimate.low:{sign}.2f}, {100 * estimate.high:{sign}.2f}]"
    return text


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.2f}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _p(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else f"{p:.0e}"


def _grid(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    align = ["---", *("---:" if name else "---" for name in heading[1:])]
    lines = [heading, align, *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
