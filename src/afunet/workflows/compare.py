"""Train or reuse the networks of all rows, score them on unseen slices, write the comparison."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import torch

from afunet.evaluation.joint_line import joint_line
from afunet.inference.cpu import this_cpu
from afunet.inference.device_choice import DeviceChoice
from afunet.inference.engines.torch_engine import pick_device
from afunet.plan import Step
from afunet.report.comparison.curves import Curve, draw_curves
from afunet.report.comparison.facts import ComparisonFacts, DataFacts
from afunet.report.comparison.forest import draw_forest
from afunet.report.comparison.markdown import comparison_markdown
from afunet.report.comparison.page import comparison_page
from afunet.report.comparison.panel import draw_panel
from afunet.report.figure import require_matplotlib
from afunet.report.not_written import NotWritten
from afunet.training.experiment import load_experiments
from afunet.training.recording import LOG, VALIDATION
from afunet.watch import UNWATCHED, TimeLimit, Watch
from afunet.workflows.attempts import Attempts, WrittenResults
from afunet.workflows.comparison_facts import Scores, table_facts
from afunet.workflows.contenders import Contender, check_experiment, contender_of
from afunet.workflows.finished_runs import CompareOptions, finish_runs
from afunet.workflows.hardest_slices import hardest_slices
from afunet.workflows.judged_split import JudgedSplit
from afunet.workflows.staging import check_writable, staged_folder

MARKDOWN, JSON, PAGE = "comparison.md", "comparison.json", "comparison.html"
PANEL, CURVES, FOREST = "panel.png", "curves.png", "forest.png"
WRITING = "writing"
READING, TIMING, PANELS = "reading slices", "measuring times", "drawing the panel"
# For each run; what follows the last one costs little compared with one training.
PLAN = (
    Step(READING),
    Step("training", share=1),
    Step("evaluating", share=0.02),
    Step(TIMING),
    Step(PANELS),
    Step(WRITING, seconds=1),
)
TIMED_SLICES, TIMED_ROUNDS = 4, 2


@dataclass(frozen=True)
class Comparison:
    """The facts of a comparison and its files; `not_written` lists the missing ones.

    `waiting` runs were not finished in time, and the facts are about the others.
    """

    facts: ComparisonFacts
    files: tuple[Path, ...]
    not_written: tuple[NotWritten, ...] = ()

    @property
    def waiting(self) -> int:
        """How many runs the same command would go on with."""
        return self.facts.waiting


def compare(
    files: Sequence[Path],
    output: Path,
    options: CompareOptions | None = None,
    *,
    watch: Watch = UNWATCHED,
) -> Comparison:
    """Compare the rows of TOML files or folders; write the results to the folder `output`.

    Runs and scores are kept under `options.runs`. The same call continues after a stop; repeated
    after the end, it computes only the panel and the times again. When the time is up, the runs
    that are finished are compared; `OutputError` if there is none.
    """
    options = options or CompareOptions()
    limit = TimeLimit(watch.cancel, 3600 * options.hours)
    experiments = load_experiments(files)
    require_matplotlib()
    check_writable(output, "compare")
    for experiment in experiments:
        check_experiment(experiment)
    judged = JudgedSplit(options.data, options.split, options.status, watch)
    judged.refuse_training_on_it(experiments)
    finished = finish_runs(experiments, judged, options, limit, watch)
    contenders = [
        contender_of(one, finished.runs[one.name])
        for one in experiments
        if one.name in finished.runs
    ]
    scores: dict[str, Scores] = {**finished.scores}
    seconds = _seconds_per_slice(contenders, judged, watch)
    tables = _tables(contenders)
    panel = hardest_slices(next(iter(tables.values())), judged, scores, watch)
    captions = [row.caption for row in panel.rows]
    facts = _facts(options, judged, tables, scores, seconds, captions, finished.waiting)
    making: dict[str, Callable[[], str | bytes]] = {
        JSON: facts.to_json,
        MARKDOWN: lambda: comparison_markdown(facts),
        FOREST: lambda: draw_forest(facts.tables),
        CURVES: lambda: draw_curves(_curves(tables)),
    }
    if panel.networks:
        making[PANEL] = lambda: draw_panel(panel.networks, panel.rows)
    attempts = Attempts()
    with staged_folder(output, "compare") as stage:
        making[PAGE] = lambda: comparison_page(facts, _pictures(stage))
        written = WrittenResults(stage, attempts)
        for done, (name, make) in enumerate(making.items()):
            watch.tell(WRITING, done, len(making))
            written.write(name, partial(_write, name, make))
        written.write_stacks()
        written.require_any()
        watch.tell(WRITING, len(making), len(making))
    paths = tuple(output / name for name in sorted(written.names))
    return Comparison(facts, paths, tuple(attempts.missing))


def _write(name: str, make: Callable[[], str | bytes], folder: Path) -> list[str]:
    content = make()
    raw = content.encode("utf-8") if isinstance(content, str) else content
    (folder / name).write_bytes(raw)
    return [name]


def _pictures(folder: Path) -> dict[str, bytes]:
    """Return the pictures that could be drawn, by name."""
    files = {name: folder / name for name in (FOREST, CURVES, PANEL)}
    return {name: file.read_bytes() for name, file in files.items() if file.is_file()}


def _seconds_per_slice(
    contenders: Sequence[Contender],
    judged: JudgedSplit,
    watch: Watch,
) -> dict[str, float]:
    """Return median seconds per slice; rows take turns, so that other load affects all alike."""
    seconds: dict[str, list[float]] = {one.experiment.name: [] for one in contenders}
    total = len(judged.slices())
    places = np.linspace(0, total - 1, min(TIMED_SLICES, total)).round().astype(int)
    turns = [place for _ in range(TIMED_ROUNDS) for place in places]
    for done, place in enumerate([places[0], *turns]):  # the first turn only warms up
        for contender in contenders:
            watch.check()
            item = judged.slices(contender.input_slices)[place]
            start = perf_counter()
            contender.runs[0].mask_of(item)
            if done > 0:
                seconds[contender.experiment.name].append(perf_counter() - start)
        watch.tell(TIMING, done, len(turns))
    return {name: median(values) for name, values in seconds.items()}


def _tables(contenders: Sequence[Contender]) -> dict[str, list[Contender]]:
    """Return rows by table: tables with the most architectures first, else in the given order."""
    tables: dict[str, list[Contender]] = {}
    for contender in contenders:
        tables.setdefault(contender.experiment.table, []).append(contender)

    def architectures(title: str) -> int:
        trainings = [one.experiment.training for one in tables[title]]
        return len({training.model for training in trainings if training is not None})

    return {title: tables[title] for title in sorted(tables, key=lambda t: -architectures(t))}


def _facts(
    options: CompareOptions,
    judged: JudgedSplit,
    tables: dict[str, list[Contender]],
    scores: dict[str, Scores],
    seconds: dict[str, float],
    panel: Sequence[str],
    waiting: int,
) -> ComparisonFacts:
    lines = {case: joint_line(levels) for case, levels in judged.areas.items()}
    return ComparisonFacts(
        version=version("afunet"),
        device=pick_device(options.device).type,
        threads=torch.get_num_threads(),
        made_on=_made_on(options.device),
        waiting=waiting,
        data=DataFacts.of(
            judged.folder.name, options.split, options.status, judged.slices(), judged.areas
        ),
        tables=tuple(
            table_facts(title, contenders, scores, seconds, lines)
            for title, contenders in tables.items()
        ),
        panel=tuple(caption.replace("\n", ": ") for caption in panel),
    )


def _made_on(device: DeviceChoice) -> str:
    """Return what the bits of a run depend on besides its recipe and the number of threads."""
    place = pick_device(device)
    on = torch.cuda.get_device_name(place) if place.type == "cuda" else this_cpu().model
    return f"PyTorch {torch.__version__}, {on}"


def _curves(tables: dict[str, list[Contender]]) -> dict[str, list[Curve]]:
    """Return the runs of each table, without tables whose runs are all in another table."""
    return {
        title: [
            _curve(contender.experiment.label, run.folder)
            for contender in contenders
            if contender.trained
            for run in contender.runs
        ]
        for title, contenders in tables.items()
        if any(one.experiment.run_name == one.experiment.name for one in contenders)
    }


def _curve(label: str, run: Path) -> Curve:
    steps, loss = _columns(run / LOG)
    validation_steps, dice = _columns(run / VALIDATION)
    return Curve(label, steps, loss, validation_steps, dice)


def _columns(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the first two columns of a CSV file with a heading; empty without the file."""
    if not path.exists():
        return np.empty(0), np.empty(0)
    with path.open(newline="") as file:
        rows = [(float(row[0]), float(row[1])) for row in list(csv.reader(file))[1:]]
    table = np.array(rows, dtype=np.float64).reshape(-1, 2)
    return table[:, 0], table[:, 1]
