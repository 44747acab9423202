"""Ask peers for new studies, and let them send what a rule takes (PS3.4 annex C)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelMove

from afunet.errors import AfunetError
from afunet.node.config import NodeConfig, Peer, Pull
from afunet.node.images import Images
from afunet.node.log import say, say_error
from afunet.node.peers import FIND, association, found

MOVE = StudyRootQueryRetrieveInformationModelMove
LOOK_S = 1.0
MOVING_S = 80.0
"""How long a peer may be silent while it sends."""
SHOWN = ("Modality", "SeriesDescription")
ASKED = dict.fromkeys((*SHOWN, "SeriesInstanceUID", "NumberOfSeriesRelatedInstances"))
Beat = Callable[[], None]


@dataclass(frozen=True)
class Offer:
    """A series that a peer has, and how many images it says that it has."""

    study: str
    series: str
    images: int


@dataclass(frozen=True, eq=False)
class Puller:
    """lets peers send series to the node's own receiver."""

    config: NodeConfig
    images: Images
    today: Callable[[], date] = date.today

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Ask each peer when its time has come, until `stop` is set."""
        due = dict.fromkeys(range(len(self.config.pulls)), 0.0)
        say("pulling", peers=len(due))
        while not stop.wait(LOOK_S):
            beat()
            for number, pull in enumerate(self.config.pulls):
                if time.monotonic() >= due[number]:
                    self._try(pull, beat)
                    due[number] = time.monotonic() + pull.every_s

    def pull(self, pull: Pull, beat: Beat) -> int:
        """Fetch what is new at a peer; return how many series it sent. `AfunetError` without it."""
        peer = self.config.peer(pull.peer)
        with association(self.config, peer, [(FIND, None), (MOVE, None)]) as made:
            made.dimse_timeout = MOVING_S
            offers = [one for one in self._offers(made, pull) if self._is_new(one)]
            return sum(self._moved(made, peer, offer, beat) for offer in offers)

    def _try(self, pull: Pull, beat: Beat) -> None:
        try:
            self.pull(pull, beat)
        except AfunetError as error:
            say_error("peer silent", error, peer=pull.peer)

    def _offers(self, made: Any, pull: Pull) -> Iterator[Offer]:
        """Yield the series of new studies that a rule takes."""
        today = self.today()
        first = today - timedelta(days=pull.days)
        studies = found(
            made, "STUDY", StudyDate=f"{first:%Y%m%d}-{today:%Y%m%d}", StudyInstanceUID=""
        )
        for study in studies:
            uid = str(study.StudyInstanceUID)
            for one in found(made, "SERIES", StudyInstanceUID=uid, **ASKED):
                modality, description = (str(one.get(name) or "").strip() for name in SHOWN)
                if self.config.rule_for(modality, description) is not None:
                    count = int(one.get("NumberOfSeriesRelatedInstances") or 0)
                    yield Offer(uid, str(one.SeriesInstanceUID), count)

    def _is_new(self, offer: Offer) -> bool:
        name = self.images.home.name_of(offer.series)
        with self.images.database.reading() as base:
            row = base.execute(
                "SELECT max(images) FROM (SELECT images FROM pulled WHERE name = ?1"
                " UNION SELECT images FROM series WHERE name = ?1)",
                (name,),
            ).fetchone()
        return row[0] is None or row[0] < offer.images

    def _moved(self, made: Any, peer: Peer, offer: Offer, beat: Beat) -> bool:
        query = Dataset()
        query.QueryRetrieveLevel = "SERIES"
        query.StudyInstanceUID, query.SeriesInstanceUID = offer.study, offer.series
        last: int | None = None
        for status, _ in made.send_c_move(query, self.config.ae_title, MOVE):
            beat()
            last = status.get("Status")
        name = self.images.home.name_of(offer.series)
        if last != 0x0000:
            code = "NO_ANSWER" if last is None else "MOVE_REFUSED"
            say("series not pulled", series=name, peer=peer.name, code=code)
            return False
        with self.images.database.writing() as base:
            base.execute("INSERT OR REPLACE INTO pulled VALUES (?, ?)", (name, offer.images))
        say("series pulled", series=name, peer=peer.name, images=offer.images)
        return True
