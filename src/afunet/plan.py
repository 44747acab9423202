"""How far the whole work is, from what its stages tell: one stream of moments to show.

A plan says what each stage costs beside the heaviest, which is measured as it goes: time left is
told from its first steps on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import isnan, nan


@dataclass(frozen=True)
class Step:
    """A stage, and its cost: `seconds` on any scan and `share` of what the heaviest stage takes.

    The heaviest has a share of 1.
    """

    name: str
    share: float = 0.0
    seconds: float = 0.0


Plan = Sequence[Step]


@dataclass(frozen=True)
class Moment:
    """Where the work is: units done in a stage, and the share of the whole, from 0 to 1.

    `fraction` and `seconds_left` are None where they are not known yet. `starts` marks the first
    moment of a stage, `detail` what only those want to see who ask for much.
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
    """What was seen of one stage so far."""

    name: str
    began: float
    done: float = 0.0


@dataclass
class PlannedProgress:
    """A `Progress` that knows the plan and shows where the whole work is.

    Several scans have the same plan, one after the other: `begin` tells each.
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
        """The work goes on to scan `number` (from 1) of `count`."""
        now = self.clock()
        if number > 1 and self._pace is not None:  # else it was refused, and says nothing of others
            self._case_seconds.append(now - self._case_began)
        self._case, self._place = case, (number - 1, count)
        self._case_began = self._heard = now
        self._stage, self._planned, self._pace = "", None, None

    def __call__(self, stage: str, done: int, total: int) -> None:
        """A stage has done so many of its units."""
        now = self.clock()
        starts, self._stage = stage != self._stage, stage
        part = done / total if total else 0.0
        if any(step.name == stage for step in self.plan):
            if self._planned is None or self._planned.name != stage:
                # one that tells its first units only has been at work since the last word
                self._planned = _Stage(stage, self._heard if part else now)
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

    def _seconds_left(self, now: float) -> float | None:
        """Of all scans; None before the heaviest stage of the first has done something."""
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
        spent = now - stage.began
        self._learn_pace(step, later, stage.done, spent)
        if stage.done > 0 and spent > 0:
            here = spent * (1 - stage.done) / stage.done
        else:
            here = self._expected(step) * (1 - stage.done)
        left = here + sum(map(self._expected, later))
        return None if isnan(left) else left

    def _learn_pace(self, step: Step, later: Plan, done: float, spent: float) -> None:
        """From the heaviest stage; where that was left out, from the heaviest of the rest."""
        is_heaviest = step.share == 1 or (
            self._pace is None and all(step.share >= one.share for one in later)
        )
        if is_heaviest and step.share and done > 0:
            self._pace = spent / done / step.share

    def _expected(self, step: Step) -> float:
        """Seconds that a stage takes; not a number where the pace counts and is not known yet."""
        if not step.share:
            return step.seconds
        return step.seconds + step.share * (nan if self._pace is None else self._pace)

    def _fraction(self, now: float, left: float | None) -> float | None:
        """It never falls, whatever is learnt of the time left."""
        if left is None:
            return self._shown or None
        spent = now - self._began
        whole = spent + left
        self._shown = max(self._shown, spent / whole if whole else 1.0)
        return self._shown
