"""Ask peers for new studies, and fetch the series that a rule takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from afunet.errors import AfunetError
from afunet.node.archives import archive
from afunet.node.config import NodeConfig, Pull
from afunet.node.images import Images
from afunet.node.intake import Intake
from afunet.node.log import say, say_error
from afunet.node.offers import Archive, Beat, Offer

LOOK_S = 1.0


@dataclass(frozen=True, eq=False)
class Puller:
    """Brings series to the node: by its own receiver (C-MOVE), or itself (C-GET, WADO-RS)."""

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
        intake = Intake(self.images, self.config.free_bytes)
        with archive(self.config, peer, intake, beat) as asked:
            offers = [one for one in self._offers(asked, pull) if self._is_new(one)]
            return sum(self._fetched(asked, peer.name, offer) for offer in offers)

    def _try(self, pull: Pull, beat: Beat) -> None:
        try:
            self.pull(pull, beat)
        except AfunetError as error:
            say_error("peer silent", error, peer=pull.peer)

    def _offers(self, asked: Archive, pull: Pull) -> Iterator[Offer]:
        """Yield the series of new studies that a rule takes."""
        today = self.today()
        for study in asked.studies(today - timedelta(days=pull.days), today):
            for offer in asked.series(study):
                is_wanted = self.config.rule_for(offer.modality, offer.description) is not None
                if is_wanted and offer.series:
                    yield offer

    def _is_new(self, offer: Offer) -> bool:
        name = self.images.home.name_of(offer.series)
        with self.images.database.reading() as base:
            row = base.execute(
                "SELECT max(images) FROM (SELECT images FROM pulled WHERE name = ?1"
                " UNION SELECT images FROM series WHERE name = ?1)",
                (name,),
            ).fetchone()
        return row[0] is None or row[0] < offer.images

    def _fetched(self, asked: Archive, peer: str, offer: Offer) -> bool:
        name = self.images.home.name_of(offer.series)
        if code := asked.fetch(offer):
            say("series not pulled", series=name, peer=peer, code=code)
            return False
        with self.images.database.writing() as base:
            base.execute("INSERT OR REPLACE INTO pulled VALUES (?, ?)", (name, offer.images))
        say("series pulled", series=name, peer=peer, images=offer.images)
        return True
