"""Ask peers how many images a series has."""

from __future__ import annotations

import time

from afunet.errors import AfunetError
from afunet.node.archives import archive
from afunet.node.config import NodeConfig, Peer
from afunet.node.images import Series
from afunet.node.log import say_error
from afunet.node.planning import ASK_AGAIN_S, Count


def counter(config: NodeConfig) -> Count:
    """Return the question. A peer that cannot be asked has no answer, and is then left alone."""
    silent: dict[str, float] = {}

    def count(name: str, series: Series) -> int | None:
        if time.monotonic() < silent.get(name, 0.0):
            return None
        try:
            return image_count(config, config.peer(name), series)
        except AfunetError as error:
            silent[name] = time.monotonic() + ASK_AGAIN_S
            say_error("peer silent", error, peer=name)
            return None

    return count


def image_count(config: NodeConfig, peer: Peer, series: Series) -> int | None:
    """Ask a peer how many images a series has; None if it does not say."""
    with archive(config, peer) as asked:
        offers = asked.series(series.study, series.uid)
    return max((one.images for one in offers), default=0) or None
