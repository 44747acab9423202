"""Where the workers of a batch work: this host, or a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from afunet.batch.cluster import connected
from afunet.batch.crew import Site, ThisHost
from afunet.batch.resources import plan_workers


@contextmanager
def site_of(cluster: str | None, workers: int | None) -> Iterator[Site]:
    """Plan the workers, or the given number of them, on a cluster or on this host.

    Raises `AfunetError` if they are impossible there.
    """
    if cluster is None:
        yield ThisHost(plan_workers(workers))
    else:
        with connected(cluster, workers) as site:
            yield site
