"""A worker on a node of a cluster. Nothing here knows Ray."""

from __future__ import annotations

import os
import socket
import threading
from dataclasses import dataclass, field

from afunet.batch.crew import Post, worker_of
from afunet.batch.orders import Settings
from afunet.batch.resources import WorkerPlan
from afunet.batch.subjects import key_digest
from afunet.jobs.job import Failure

SIGN_DIGITS = 8


@dataclass(eq=False)
class ClusterWorker:
    """The loop of one worker of a host, on the jobs of a folder that the node shares.

    `key` is the digest of the key in that folder, as the driver sees it.
    """

    post: Post
    key: str
    plan: WorkerPlan
    _stopped: threading.Event = field(default_factory=threading.Event, init=False)

    def work(self) -> Failure | None:
        """Work until `stop` is called; return why this node cannot, or None."""
        if (refusal := self._refusal()) is not None:
            return refusal
        worker = worker_of(self.post.ledger(), self.plan)
        worker.start()
        self._stopped.wait()
        worker.stop()
        return None

    def stop(self) -> None:
        """Let `work` return; the case at hand goes back and does not count as tried."""
        self._stopped.set()

    def _refusal(self) -> Failure | None:
        node, wanted = socket.gethostname(), self.post.settings
        if key_digest(self.post.jobs) != self.key or not os.access(self.post.jobs, os.W_OK):
            return Failure(
                "FOLDER_NOT_SHARED",
                f"the node {node} does not see the results folder, or may not write there: mount "
                "it at the same path on every node",
            )
        here = Settings.of(wanted.options)
        if here != wanted:
            return Failure(
                "CLUSTER_DIFFERS",
                f"the node {node} has {_versions(here)}, this machine {_versions(wanted)}: install "
                "the same on every node",
            )
        return None


def _versions(settings: Settings) -> str:
    weights = settings.weights_sha256[:SIGN_DIGITS]
    return f"afunet {settings.version} with " + (f"weights {weights}" if weights else "no weights")
