"""From series to jobs: which series a rule takes, when it is complete, and the name of its job."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from afunet.jobs.store import JobStore
from afunet.models.shipped import shipped_path
from afunet.node.config import NodeConfig, Results, Rule
from afunet.node.images import Images, Series, SeriesState
from afunet.node.log import say
from afunet.workflows.own_files import digest_of

OWNER, SEGMENT = "node", "segment"
ID_DIGITS = 24
ASK_AGAIN_S = 30.0
Count = Callable[[str, Series], int | None]
"""How many images a peer, by its name, says that a series has; None if it does not say."""


@dataclass(frozen=True)
class Settings:
    """What makes two jobs of the same images different."""

    options: Mapping[str, Any]
    weights_sha256: str
    version: str

    @classmethod
    def of(cls, results: Results) -> Settings:
        """Read the digest of the weights; `send_to` has no part in it."""
        path = Path(results.weights) if results.weights else shipped_path(fast=results.fast)
        options = {name: value for name, value in asdict(results).items() if name != "send_to"}
        return cls(json.loads(json.dumps(options)), digest_of(path) or "", version("afunet"))

    def job_of(self, uids: list[str]) -> str:
        """Return the name of the job of these images: the same ones never make another."""
        same = {
            "images": sorted(uids),
            "options": self.options,
            "weights": self.weights_sha256,
            "version": self.version,
        }
        return hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()[:ID_DIGITS]


@dataclass
class _Seen:
    """How many images a series had, since when, and when its peer was asked last."""

    images: int
    since: float
    asked: float = float("-inf")


@dataclass(eq=False)
class Planner:
    """Makes the jobs. Quiet times are measured here, so a changed clock does not matter."""

    config: NodeConfig
    images: Images
    ledger: JobStore
    settings: Settings
    count: Count
    clock: Callable[[], float] = time.monotonic
    _seen: dict[str, _Seen] = field(default_factory=dict)

    def plan(self) -> int:
        """Make a job of each series that is complete; return how many were made."""
        series = self.images.open_series()
        self._seen = {name: seen for name, seen in self._seen.items() if name in _names(series)}
        return sum(self._planned(one) for one in series)

    def _planned(self, series: Series) -> bool:
        rule = self.config.rule_for(series.modality, series.description)
        if rule is None:
            if self.images.settle(series, SeriesState.UNWANTED):
                say("series unwanted", series=series.name)
            return False
        if not self._is_quiet(series, rule):
            return False
        if series.slices < rule.least_slices:
            if self.images.settle(series, SeriesState.TOO_SMALL):
                say("series too small", series=series.name, slices=series.slices)
            return False
        return self._is_counted(series, rule) and self._queued(series)

    def _is_quiet(self, series: Series, rule: Rule) -> bool:
        now = self.clock()
        seen = self._seen.get(series.name)
        if seen is None or seen.images != series.images:
            seen = self._seen[series.name] = _Seen(series.images, now)
        return now - seen.since >= rule.quiet_s

    def _is_counted(self, series: Series, rule: Rule) -> bool:
        """Whether the node has all images that a peer knows of; ask it every half a minute."""
        if not rule.counted_by:
            return True
        seen, now = self._seen[series.name], self.clock()
        if now - seen.asked < ASK_AGAIN_S:
            return False
        seen.asked = now
        expected = self.count(rule.counted_by, series)
        if expected is None or expected > series.images:
            say("series waits", series=series.name, images=series.images, expected=expected)
            return False
        return True

    def _queued(self, series: Series) -> bool:
        """Queue the job first: a kill before the series is settled only repeats what is known."""
        job = self.settings.job_of(self.images.uids(series.name, series.images))
        request = {
            "data": str(self.images.home.path),
            "series": series.name,
            "images": series.images,
            "job": job,
            "options": self.settings.options,
        }
        for other in self.ledger.jobs(OWNER, series.name):
            if other.id != job and not other.state.is_final:
                self.ledger.cancel(other.id)
        self.ledger.add(OWNER, series.name, SEGMENT, request, job)
        if self.images.settle(series, SeriesState.PLANNED):
            say("job queued", series=series.name, job=job, images=series.images)
        return True


def _names(series: list[Series]) -> set[str]:
    return {one.name for one in series}
