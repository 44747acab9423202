"""A cluster of Ray. Ray starts a worker on a node and tells when it ended, and nothing else.

Each worker is an actor that claims its cases from the results folder, as a worker on one host does.
So no case waits in a queue of Ray's: an actor, a node or a driver that is lost is a lease that runs
out. Actors do not restart by themselves, because calls that wait for such an actor fail at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from afunet.batch.cluster_join import joined
from afunet.batch.cluster_worker import ClusterWorker
from afunet.batch.crew import Crew, Post
from afunet.batch.resources import Room, WorkerPlan, plan_cluster
from afunet.batch.subjects import key_digest
from afunet.errors import DeviceError
from afunet.inference.device_choice import DeviceChoice
from afunet.jobs.job import Failure

STOP_S = 30.0
MOST_LOSSES = 10
"""Workers lost for each that was planned, with no case ended in between, until the batch ends."""


@contextmanager
def connected(address: str, wanted: int | None) -> Iterator[RayCluster]:
    """Join a cluster and plan its workers, or the `wanted` number.

    Raises `DeviceError` if it cannot be joined, and `ConfigError` if it has no room for them.
    """
    with joined(address):
        import ray

        yield RayCluster(plan_cluster(_rooms(ray.nodes()), wanted))


@dataclass(frozen=True)
class RayCluster:
    """The cluster to which this process is connected."""

    plan: WorkerPlan

    @contextmanager
    def crew(self, post: Post) -> Iterator[Crew]:
        """Let the workers work until the context ends; cases at hand then go back."""
        import ray

        gpus = int(post.settings.options.device is DeviceChoice.CUDA)
        actor: Any = ray.remote(
            num_cpus=self.plan.threads,
            num_gpus=gpus,
            memory=self.plan.bytes,
            max_restarts=0,
            max_concurrency=2,  # `stop` is called while `work` runs
            scheduling_strategy="SPREAD",
        )(ClusterWorker)
        key = key_digest(post.jobs)
        actors = _Actors(lambda: actor.remote(post, key, self.plan))
        for _ in range(self.plan.workers):
            actors.hire()
        try:
            yield actors
        finally:
            actors.dismiss()


@dataclass(frozen=True)
class _Hired:
    """An actor, and a call that it answers as soon as it has a place on a node."""

    actor: Any
    placed: Any


@dataclass(eq=False)
class _Actors:
    """The actors at work, by the call in which each works."""

    new: Callable[[], Any]
    at_work: dict[Any, _Hired] = field(default_factory=dict)
    refusals: dict[Failure, bool] = field(default_factory=dict)
    """Why nodes cannot work, and whether the user was told."""
    lost: int = 0
    ended: int | None = None

    def hire(self) -> None:
        """Start one more worker."""
        actor = self.new()
        self.at_work[actor.work.remote()] = _Hired(actor, actor.__ray_ready__.remote())

    def tend(self, ended: int) -> Sequence[Failure]:
        """Replace workers that were lost; `ended` cases are over so far.

        A worker that cannot work on its node is not replaced: return why, once a case has ended,
        which shows that others can. Raises `DeviceError` if none can.
        """
        import ray

        working = len(self.at_work)
        over, _ = ray.wait(list(self.at_work), num_returns=working, timeout=0)
        for call in over:
            del self.at_work[call]
            if (refusal := _answer(call)) is not None:
                self.refusals.setdefault(refusal, False)
            else:
                self.lost += 1
                self.hire()
        if not self.at_work:
            last = list(self.refusals)[-1]
            raise DeviceError(last.message, code=last.code)
        if self.ended is not None and ended > self.ended:
            self.lost = 0
            untold = [refusal for refusal, is_told in self.refusals.items() if not is_told]
            self.refusals.update(dict.fromkeys(untold, True))
        else:
            untold = []
        self.ended = ended
        self._require_luck(working)
        return untold

    def dismiss(self) -> None:
        """Let all workers give their cases back, and end them."""
        import ray

        for hired in self.at_work.values():
            hired.actor.stop.remote()
        placed = [
            call
            for call, hired in self.at_work.items()
            if ray.wait([hired.placed], timeout=0)[0]  # the others wait for room on a node
        ]
        if placed:
            ray.wait(placed, num_returns=len(placed), timeout=STOP_S)
        for hired in self.at_work.values():
            ray.kill(hired.actor)

    def _require_luck(self, workers: int) -> None:
        if self.lost > MOST_LOSSES * workers:
            raise DeviceError(
                f"{self.lost} workers of the cluster ended, one after the other, and no case did: "
                "see the logs of Ray on its nodes",
                code="CLUSTER_WORKERS_LOST",
            )


def _answer(call: Any) -> Failure | None:
    """Return why a worker cannot work; None if it was lost."""
    import ray

    try:
        answer: Failure | None = ray.get(call)
    except ray.exceptions.RayActorError as error:
        if not error.actor_init_failed:
            return None
    except ray.exceptions.RayError:  # such as a class that the node cannot import
        pass
    else:
        return answer
    return Failure(
        "CLUSTER_DIFFERS",
        "a node of the cluster cannot start a worker: install the same afunet on every node",
    )


def _rooms(nodes: Sequence[Any]) -> list[Room]:
    found = [node["Resources"] for node in nodes if node["Alive"]]
    return [Room(int(one.get("CPU", 0)), int(one.get("memory", 0))) for one in found]
