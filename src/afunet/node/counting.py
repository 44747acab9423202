"""Ask peers how many images a series has."""

from __future__ import annotations

import time

from pydicom.dataset import Dataset
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind

from afunet.errors import AfunetError
from afunet.node.config import NodeConfig, Peer
from afunet.node.images import Series
from afunet.node.log import say_error
from afunet.node.peers import association
from afunet.node.planning import ASK_AGAIN_S, Count

PENDING = (0xFF00, 0xFF01)


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
    """Ask a peer how many images a series has (C-FIND, PS3.4 C.6.2.1); None without an answer."""
    query = Dataset()
    query.QueryRetrieveLevel = "SERIES"
    query.StudyInstanceUID, query.SeriesInstanceUID = series.study, series.uid
    query.NumberOfSeriesRelatedInstances = None
    found: list[int] = []
    model = StudyRootQueryRetrieveInformationModelFind
    with association(config, peer, [(model, None)]) as made:
        for status, answer in made.send_c_find(query, model):
            if status and status.Status in PENDING and answer is not None:
                number = answer.get("NumberOfSeriesRelatedInstances")
                found += [int(number)] if number else []
    return max(found, default=None)
