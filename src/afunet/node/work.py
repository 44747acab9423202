"""The worker: makes jobs of complete series, has them done, and posts their results."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from afunet.jobs.job import Event, State
from afunet.jobs.ledger import Ledger
from afunet.jobs.worker import Worker
from afunet.node.config import NodeConfig
from afunet.node.counting import counter
from afunet.node.home import Home
from afunet.node.images import Images
from afunet.node.log import say
from afunet.node.outbox import Outbox, Result
from afunet.node.planning import OWNER, Planner, Settings

TASKS = "afunet.node.tasks"
LOOK_S = 1.0


@dataclass(frozen=True, eq=False)
class Post:
    """Carries the results of jobs that have ended into the outbox, each once."""

    ledger: Ledger
    outbox: Outbox
    peers: tuple[str, ...]

    def carry(self) -> None:
        """Look at what has ended since the last time."""
        for event in self.ledger.events(OWNER, self.outbox.last_event()):
            results = self._results(event) if event.state is State.DONE else []
            if event.state is State.FAILED and (failure := self.ledger.job(event.job).failure):
                say("job failed", job=event.job, series=event.subject, code=failure.code)
            self.outbox.post(event, results, self.peers)

    def _results(self, event: Event) -> list[Result]:
        answer = self.ledger.job(event.job).answer
        missing = " ".join(answer["not_written"])
        say("job done", job=event.job, series=event.subject, missing=missing or None)
        return [Result(**one) for one in answer["results"]]


@dataclass(frozen=True, eq=False)
class WorkRoom:
    """The workers of a node, and what lies before and after them."""

    config: NodeConfig
    images: Images
    outbox: Outbox
    home: Home

    def run(self, stop: threading.Event, beat: Callable[[], None]) -> None:
        """Work until `stop` is set; the job at hand then goes back into the queue."""
        ledger = Ledger(self.home.ledger)
        settings = Settings.of(self.config.results)
        planner = Planner(self.config, self.images, ledger, settings, counter(self.config))
        post = Post(ledger, self.outbox, self.config.results.send_to)
        workers = [
            Worker(ledger, TASKS, self.config.lease_s, keeps_process=True)
            for _ in range(self.config.workers)
        ]
        try:
            for worker in workers:
                worker.start()
            say("working", workers=len(workers))
            while not stop.wait(LOOK_S):
                beat()
                made = planner.plan()
                post.carry()
                for worker in workers if made else ():
                    worker.wake()
        finally:
            for worker in workers:
                worker.ask_to_stop()
            for worker in workers:
                worker.stop()
            ledger.close()
