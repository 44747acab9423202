"""Progress as lines: plain ones for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from afunet.plan import Moment

Write = Callable[[str], None]
EVERY_SECONDS = 10.0


@dataclass
class Lines:
    """Writes a moment, in the given `form`, when a stage starts and then every few seconds."""

    write: Write
    form: Callable[[Moment], str]
    every_seconds: float = EVERY_SECONDS
    _last: float = float("-inf")

    def __call__(self, moment: Moment) -> None:
        """Write the moment if a line is due."""
        if moment.starts or moment.seconds - self._last >= self.every_seconds:
            self._last = moment.seconds
            self.write(self.form(moment))


def plain(moment: Moment) -> str:
    """Return a line as `[  83 s] leg-1: segmenting, 40 of 400, 12 %, about 9 min left`."""
    parts = [f"{moment.case}: {moment.stage}" if moment.case else moment.stage]
    if moment.total > 1:
        parts.append(f"{moment.done} of {moment.total}")
    if moment.fraction is not None:
        parts.append(f"{100 * moment.fraction:.0f} %")
    if moment.seconds_left is not None:
        parts.append(f"about {in_words(moment.seconds_left)} left")
    return f"[{moment.seconds:4.0f} s] {', '.join(parts)}"


def as_json(moment: Moment) -> str:
    """Return an object with the time (UTC), stage, done, total, seconds left, case and level."""
    left = None if moment.seconds_left is None else round(moment.seconds_left, 1)
    fraction = None if moment.fraction is None else round(moment.fraction, 4)
    return json.dumps(
        {
            "time": _now(),
            "level": "info",
            "case": moment.case,
            "stage": moment.stage,
            "done": moment.done,
            "total": moment.total,
            "fraction": fraction,
            "seconds_left": left,
        }
    )


def message_as_json(level: str, message: str, code: str = "") -> str:
    """Return an object with the time (UTC), level, text and code of a message."""
    return json.dumps({"time": _now(), "level": level, "message": message, "code": code})


def in_words(seconds: float) -> str:
    """Return a duration in whole seconds, whole minutes or tenths of hours."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
