"""Progress of the whole work, computed from the progress of its stages.

A plan gives the cost of each stage relative to the heaviest stage. The pace of the heaviest stage
is measured while it runs, so the time left is known from its first steps on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import isnan, nan


@dataclass(frozen=True)
class Step:
    """A stage and its cost: `seconds` on any scan, plus `share` of what the heaviest stage takes.

    The heaviest has a share of 1.
    """

    name: str
    share: float = 0.0
    seconds: float = 0.0


Plan = Sequence[Step]


@dataclass(frozen=True)
class Moment:
    """How far the work is: units done in a stage, and `fraction` of the whole, from 0 to 1.

    `fraction` and `seconds_left` are None while they are unknown. `starts` marks the first moment
    of a stage.
    """

    seconds: float
    stage: str
    done: int = 0
    total: int = 0
    fraction: float | None = None
    seconds_left: float | None = None
    case: str = ""
    starts: bool = False


Show = Callable[[Moment], None]


@dataclass
class _Stage:
    """The progress of one stage: the part done now, and that done by a run before (`base`)."""

    name: str
    began: float
    base: float = 0.0
    done: float = 0.0

    def whole_seconds(self, now: float) -> float | None:
        """Return what the stage takes from its beginning to its end; None before it moves."""
        if self.done <= self.base or now <= self.began:
            return None
        return (now - self.began) / (self.done - self.base)


@dataclass
class PlannedProgress:
    """A `Progress` that knows the plan and shows how far the whole work is.

    Several scans follow the same plan one after the other; `begin` starts each.
    """

    show: Show
    plan: Plan = ()
    clock: Callable[[], float] = time.monotonic
    _began: float = field(init=False)
    _case_began: float = field(init=False)
    _case: str = field(init=False, default="")
    _place: tuple[int, int] = field(init=False, default=(0, 1))
    _stage: str = field(init=False, default="")
    _heard: float = field(init=False)
    _planned: _Stage | None = field(init=False, default=None)
    _pace: float | None = field(init=False, default=None)
    _case_seconds: list[float] = field(init=False, default_factory=list)
    _shown: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self._began = self._case_began = self._heard = self.clock()

    def begin(self, case: str, number: int, count: int) -> None:
        """Start scan `number` (from 1) of `count`."""
        now = self.clock()
        if number > 1 and self._pace is not None:  # a refused scan says nothing of others
            self._case_seconds.append(now - self._case_began)
        self._case, self._place = case, (number - 1, count)
        self._case_began = self._heard = now
        self._stage, self._planned, self._pace = "", None, None

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show that `stage` has done `done` of its `total` units."""
        now = self.clock()
        starts, self._stage = stage != self._stage, stage
        part = done / total if total else 0.0
        if any(step.name == stage for step in self.plan):
            if self._planned is None or self._planned.name != stage:
                self._planned = self._begun(stage, done, total, now)
            self._planned.done = part
        self._heard = now
        left = self._seconds_left(now)
        self.show(
            Moment(
                now - self._began,
                stage,
                done,
                total,
                self._fraction(now, left),
                left,
                self._case,
                starts,
            )
        )

    def _begun(self, stage: str, done: int, total: int, now: float) -> _Stage:
        """Return the stage that tells its first word.

        If that is of several units, it goes on from there, and what they took is unknown. If it is
        of one, or of all, the stage has run since the last word of the stage before.
        """
        if 1 < done < total:
            return _Stage(stage, now, base=done / total)
        return _Stage(stage, self._heard if done else now)

    def _seconds_left(self, now: float) -> float | None:
        """Return the seconds left for all scans; None until a heaviest stage has progressed."""
        here = self._left_of_case(now)
        number, count = self._place
        rest = count - number - 1
        if here is None:
            if not self._case_seconds:
                return None
            usual = sum(self._case_seconds) / len(self._case_seconds)
            here = max(0.0, usual - (now - self._case_began))
        if not rest:
            return here
        whole = [*self._case_seconds, now - self._case_began + here]
        return here + rest * sum(whole) / len(whole)

    def _left_of_case(self, now: float) -> float | None:
        stage = self._planned
        if stage is None:
            return None
        place = [step.name for step in self.plan].index(stage.name)
        step, later = self.plan[place], self.plan[place + 1 :]
        whole = stage.whole_seconds(now)
        self._learn_pace(step, later, whole)
        here = (self._expected(step) if whole is None else whole) * (1 - stage.done)
        left = here + sum(map(self._expected, later))
        return None if isnan(left) else left

    def _learn_pace(self, step: Step, later: Plan, whole: float | None) -> None:
        """Measure the pace on the heaviest stage or, if it was skipped, on the next heaviest."""
        is_heaviest = step.share == 1 or (
            self._pace is None and all(step.share >= one.share for one in later)
        )
        if is_heaviest and step.share and whole is not None:
            self._pace = whole / step.share

    def _expected(self, step: Step) -> float:
        """Return the seconds that a stage takes; NaN if they depend on a pace still unknown."""
        if not step.share:
            return step.seconds
        return step.seconds + step.share * (nan if self._pace is None else self._pace)

    def _fraction(self, now: float, left: float | None) -> float | None:
        """Return the fraction of the whole; it never falls, even if the time left grows."""
        if left is None:
            return self._shown or None
        spent = now - self._began
        if self._planned is not None:
            spent += self._planned.base * (self._planned.whole_seconds(now) or 0.0)
        whole = spent + left
        self._shown = max(self._shown, spent / whole if whole else 1.0)
        return self._shown
