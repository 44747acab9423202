"""The runs of a comparison, trained and scored one after the other until the time is up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path

from afunet.errors import Cancelled, ConfigError, OutputError
from afunet.evaluation.slice_score import SliceScore
from afunet.inference.device_choice import DeviceChoice
from afunet.training.experiment import Experiment
from afunet.watch import TimeLimit, Watch
from afunet.workflows.contenders import Run, input_slices_of, is_ready, run_of
from afunet.workflows.judged_split import JudgedSplit
from afunet.workflows.score_store import ScoreStore, data_digest
from afunet.workflows.scoring import score_slices
from afunet.workflows.turns import Turn, turns_of


@dataclass(frozen=True)
class CompareOptions:
    """The data to compare on, the folder of the runs, and how they are trained.

    After so many `hours` no run is begun, and one that is in training stops.
    """

    data: str = "knee"
    split: str = "test"
    status: str | None = "checked"
    runs: Path = Path("runs")
    device: DeviceChoice = DeviceChoice.AUTO
    threads: int | None = None
    hours: float = inf

    def __post_init__(self) -> None:
        if not self.hours > 0:
            raise ConfigError(f"hours must be above 0, got {self.hours}")
        if self.split not in ("test", "val"):
            raise ConfigError(
                f"cannot compare on split {self.split!r}: choose test, or val while test must "
                "stay unseen"
            )


@dataclass
class FinishedRuns:
    """The finished runs of each row with their scores, by the row's name; and what is waiting."""

    runs: dict[str, list[Run]] = field(default_factory=dict)
    scores: dict[str, list[Sequence[SliceScore]]] = field(default_factory=dict)
    waiting: int = 0

    def add(self, turn: Turn, run: Run, scores: Sequence[SliceScore]) -> None:
        """Note the next run of a row."""
        self.runs.setdefault(turn.experiment.name, []).append(run)
        self.scores.setdefault(turn.experiment.name, []).append(scores)


def finish_runs(
    experiments: Sequence[Experiment],
    judged: JudgedSplit,
    options: CompareOptions,
    limit: TimeLimit,
    watch: Watch,
) -> FinishedRuns:
    """Make and score run after run until the time is up; then only score those that are made.

    Raises `OutputError` if none is finished, and `Cancelled` if `watch` is told to stop.
    """
    finished, turns = FinishedRuns(), turns_of(experiments)
    for number, turn in enumerate(turns, 1):
        watch.check()
        if limit.cancelled and not is_ready(turn, options.runs):
            finished.waiting += 1
            continue
        watch.begin(turn.label, number, len(turns))
        try:
            run = run_of(
                turn,
                options.runs,
                device=options.device,
                threads=options.threads,
                watch=replace(watch, cancel=limit),
            )
        except Cancelled:
            watch.check()  # the caller's wish to stop comes first
            finished.waiting += 1
            continue
        finished.add(turn, run, _scores(run, judged, input_slices_of(turn.experiment), watch))
    if not finished.runs:
        raise OutputError(
            f"the time of {options.hours:g} h is up before one of {len(turns)} runs is finished: "
            "give the same command again to go on",
            code="TIME_IS_UP",
        )
    return finished


def _scores(run: Run, judged: JudgedSplit, planes: int, watch: Watch) -> Sequence[SliceScore]:
    """Return the scores of a run; compute them if they are not stored yet."""
    slices = judged.slices(planes)
    store = ScoreStore(run.folder, {"data": data_digest(slices), "masks": run.identity})
    kept = store.load()
    if kept is None:
        kept = score_slices(run.mask_of, slices, watch)
        store.save(kept)
    return kept
