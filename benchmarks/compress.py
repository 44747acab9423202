"""What compression costs and saves: every point of the curve that is made, side by side.

    .venv/bin/python -m benchmarks.compress experiments/compress.toml [--runs runs/compress]
        [--knees knee] [--fractured runs/simW] [--limbs runs/simV] [--figure out.png]

Networks run with onnxruntime on whole slices, in float32 unless they are INT8. On the checked
slices of the knees' split val: mean Dice per case, the worst slice, mean Dice at the joint line. On
simulated fractured slices: true pieces below 400 px that are found, and the share of gap pixels
that are painted as bone; a gap is what a closing by 3 px fills. On simulated slices of all regions:
mean Dice per case. No slice of a split train or test is used. The work is that of one slice of
512 × 512; milliseconds are of CPU time on one core, the smallest of some rounds in which all points
take turns, and their unit is a matrix product of the same run. MB are those of the ONNX file.

Scores are kept beside the weights, so that only new weights are scored. Prints a Markdown table.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import torch
from matplotlib.ticker import LogLocator, NullFormatter
from numpy.typing import NDArray

from afunet.data.slices import LabelledSlice
from afunet.evaluation.joint_line import joint_line
from afunet.evaluation.overlap import Counts, dice, sum_counts
from afunet.evaluation.slice_score import SliceScore
from afunet.models import build_model
from afunet.models.checkpoint import load_checkpoint
from afunet.models.complexity import complexity
from afunet.models.export import WINDOWS, onnx_of
from afunet.models.header import METADATA_KEY, Header
from afunet.plain import from_plain
from afunet.report.figure import COLOURS, GRID, INK, QUIET, new_figure, png
from afunet.training.losses import gap_weights
from afunet.workflows.judged_split import JudgedSplit
from afunet.workflows.quantise import engine_of
from afunet.workflows.scoring import MaskOf, network_masks, score_slices
from benchmarks.bench import parser_of, print_heading, print_row
from experiments.compress import Method, Point, load_curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIDE_PX, ROUNDS, PRODUCT = 512, 3, 4096
SCORES = "scores.json"
KINDS = {
    Method.NONE: "whole network",
    Method.DISTIL: "distilled",
    Method.PRUNE: "pruned",
    Method.QUANTISE: "INT8",
}


@dataclass(frozen=True)
class Scores:
    """Fractions from 0 to 1; `gaps_painted` and `pieces_found` are of fractured slices."""

    knees: float
    worst_slice: float
    joint_line: float
    pieces_found: float
    gaps_painted: float
    limbs: float


@dataclass(frozen=True, eq=False)
class Made:
    """A point's header, its graph in ONNX, and the digest of its weights."""

    point: Point
    header: Header
    graph: onnx.ModelProto

    @cached_property
    def content(self) -> bytes:
        """The bytes of the ONNX file."""
        return bytes(self.graph.SerializeToString())

    @property
    def gflops(self) -> float:
        """Of one slice, in float32 or in whole numbers."""
        options = {**self.header.options, "classes": len(self.header.classes)}
        model = build_model(self.header.model, options, seed=0)
        return complexity(model, self.header.input_slices, SIDE_PX).gflops

    @property
    def budget(self) -> str:
        """Steps and crops of the last training."""
        told = self.header.training
        return f"{told.get('step', '?')} × {told.get('batch_size', '?')}"


class Judge:
    """The slices that all points are judged by."""

    def __init__(self, knees: str, fractured: str, limbs: str) -> None:
        self.knees = JudgedSplit(knees, "val", "checked")
        self.fractured = JudgedSplit(fractured, "val", None)
        self.limbs = JudgedSplit(limbs, "val", None)
        self.names = f"{knees}, {fractured}, {limbs}"

    def scores(self, mask_of: MaskOf, planes: int) -> Scores:
        knees = score_slices(mask_of, self.knees.slices(planes))
        limbs = score_slices(mask_of, self.limbs.slices(planes))
        painting = Painting(mask_of)
        broken = score_slices(painting, self.fractured.slices(planes))
        lines = {case: joint_line(areas) for case, areas in self.knees.areas.items()}
        bony = [score for score in knees if score.has_bone]
        at_joint = [dice(score.counts) for score in bony if score.level in lines[score.case]]
        return Scores(
            knees=dice_per_case(knees),
            worst_slice=min(dice(score.counts) for score in bony),
            joint_line=fmean(at_joint) if at_joint else float("nan"),
            pieces_found=sum(score.small_found for score in broken)
            / max(1, sum(score.small_pieces for score in broken)),
            gaps_painted=painting.painted / max(1, painting.gaps),
            limbs=dice_per_case(limbs),
        )


class Painting:
    """Masks of slices, with a count of the gap pixels that were painted as bone."""

    def __init__(self, mask_of: MaskOf) -> None:
        self.mask_of = mask_of
        self.gaps = self.painted = 0

    def __call__(self, item: LabelledSlice) -> NDArray[np.bool_]:
        found = self.mask_of(item)
        gaps = gaps_of(item.mask > 0)
        self.gaps += int(gaps.sum())
        self.painted += int((gaps & found).sum())
        return found


def gaps_of(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The background that a closing fills, as the loss of training has it, (H, W)."""
    target = torch.from_numpy(mask.astype(np.float32))[None, None]
    return np.asarray(gap_weights(target, 2.0)[0, 0].numpy() > 1)


def dice_per_case(scores: Sequence[SliceScore]) -> float:
    cases: dict[str, list[Counts]] = {}
    for score in scores:
        cases.setdefault(score.case, []).append(score.counts)
    return fmean(dice(sum_counts(counts)) for counts in cases.values())


def load_made(point: Point, path: Path) -> Made:
    """A point from its checkpoint or its ONNX file."""
    if path.suffix == ".onnx":
        graph = onnx.load(path)
        told = {entry.key: entry.value for entry in graph.metadata_props}[METADATA_KEY]
        raw = {
            key: value
            for key, value in json.loads(told).items()
            if key not in ("sha256", "arithmetic", "made_of")
        }
        return Made(point, from_plain(Header, raw, path.name), graph)
    checkpoint = load_checkpoint(path)
    example = torch.zeros(2, checkpoint.header.input_slices, 64, 96)
    return Made(point, checkpoint.header, onnx_of(checkpoint.network(), example, WINDOWS))


def scored(made: Made, kept: Path, judge: Judge) -> Scores:
    """The scores, from an earlier run if the network and the data are the same."""
    key = {"graph": sha256(made.content).hexdigest(), "data": judge.names}
    if kept.is_file():
        earlier = json.loads(kept.read_text())
        if earlier["of"] == key:
            return from_plain(Scores, earlier["scores"], str(kept))
    engine = engine_of(made.graph, made.header, "float32")
    mask_of = network_masks(engine, None, made.header.threshold)
    scores = judge.scores(mask_of, made.header.input_slices)
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps({"of": key, "scores": asdict(scores)}) + "\n")
    return scores


def cpu_ms(works: Sequence[Callable[[], object]]) -> list[float]:
    """The smallest CPU time of each, in turns; the first turn only warms up."""
    best = [float("inf")] * len(works)
    for turn in range(ROUNDS + 1):
        for number, work in enumerate(works):
            start = time.process_time()
            work()
            if turn:
                best[number] = min(best[number], 1000 * (time.process_time() - start))
    return best


def timed(every: Sequence[Made]) -> tuple[float, list[float]]:
    """CPU milliseconds of one matrix product and of each network's slice, on one core."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        a, b = torch.rand(PRODUCT, PRODUCT), torch.rand(PRODUCT, PRODUCT)
        works: list[Callable[[], object]] = [partial(torch.matmul, a, b)]
        for made in every:
            engine = engine_of(made.graph, made.header, "float32")
            shape = (1, made.header.input_slices, SIDE_PX, SIDE_PX)
            window = np.random.default_rng(0).random(shape, dtype=np.float32)
            works.append(partial(engine.run, window))
        product, *slices = cpu_ms(works)
        return product, slices
    finally:
        torch.set_num_threads(before)


def figure(every: Sequence[Made], scores: Sequence[Scores], ms: Sequence[float]) -> Figure:
    """Dice on the knees and gaps painted, against work and against time."""
    drawn = new_figure(11, 8)
    panels = drawn.subplots(2, 2, sharex="col", sharey="row")
    across = (("GFLOP per slice", [one.gflops for one in every]), ("CPU ms per slice", list(ms)))
    down = (
        ("Dice per case, knees", [one.knees for one in scores]),
        ("gap pixels painted as bone, %", [100 * one.gaps_painted for one in scores]),
    )
    for row, (height, ys) in zip(panels, down, strict=True):
        for axes, (_, xs) in zip(row, across, strict=True):
            _scatter(axes, [one.point for one in every], xs, ys)
            axes.set_xscale("log")
            axes.set_xlim(min(xs) / 1.3, max(xs) * 2)  # room for the names
        row[0].set_ylabel(height, color=INK)
    for axes, (width, _) in zip(panels[-1], across, strict=True):
        axes.set_xlabel(width, color=INK)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
    panels[0][0].legend(frameon=False, fontsize=9)
    return drawn


def _scatter(axes: Axes, points: Sequence[Point], xs: Sequence[float], ys: Sequence[float]) -> None:
    for kind, colour in zip(Method, COLOURS, strict=False):
        chosen = [number for number, point in enumerate(points) if point.method is kind]
        axes.scatter(
            [xs[number] for number in chosen],
            [ys[number] for number in chosen],
            color=colour,
            label=KINDS[kind],
            zorder=3,
        )
    for point, x, y in zip(points, xs, ys, strict=True):
        below = point.method is Method.NONE  # its INT8 lies beside it
        axes.annotate(
            point.name,
            (x, y),
            (4, -9 if below else 4),
            textcoords="offset points",
            fontsize=7,
            color=QUIET,
        )
    axes.grid(color=GRID)


def row_of(made: Made, scores: Scores, ms: float, product_ms: float) -> list[Any]:
    return [
        made.point.label,
        made.budget,
        f"{made.gflops:.1f}",
        f"{ms:.0f}",
        f"{ms / product_ms:.3f}",
        f"{len(made.content) / 1e6:.1f}",
        f"{scores.knees:.4f}",
        f"{scores.worst_slice:.3f}",
        f"{scores.joint_line:.4f}",
        f"{100 * scores.pieces_found:.0f}",
        f"{100 * scores.gaps_painted:.1f}",
        f"{scores.limbs:.4f}",
    ]


def main(argv: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("curve", type=Path)
    parser.add_argument("--runs", type=Path, default=Path("runs/compress"))
    parser.add_argument("--knees", default="knee")
    parser.add_argument("--fractured", default="runs/simW")
    parser.add_argument("--limbs", default="runs/simV")
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args(argv)
    curve = load_curve(options.curve)
    every: list[Made] = []
    missing: list[str] = []
    for point in curve.point:
        path = point.made_at(options.runs)
        if path.is_file():
            every.append(load_made(point, path))
        else:
            missing.append(point.name)
    if not every:
        sys.exit(f"no point of {options.curve} is made: python -m experiments.compress makes them")
    judge = Judge(options.knees, options.fractured, options.limbs)
    scores = [scored(one, options.runs / one.point.name / SCORES, judge) for one in every]
    product_ms, ms = timed(every)
    print_heading(
        "network",
        "steps × crops",
        "GFLOP:",
        "CPU ms:",
        "in products:",
        "MB:",
        "Dice, knees:",
        "worst slice:",
        "joint line:",
        "small pieces found, %:",
        "gaps painted, %:",
        "Dice, simulated:",
    )
    for one, score, each in zip(every, scores, ms, strict=True):
        print_row(*row_of(one, score, each, product_ms))
    print(f"\none product of {PRODUCT} × {PRODUCT} matrices: {product_ms:.0f} ms of CPU time")
    if missing:
        print(f"not made yet: {', '.join(missing)}")
    if options.figure is not None:
        options.figure.write_bytes(png(figure(every, scores, ms)))


if __name__ == "__main__":
    main()
