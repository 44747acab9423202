"""Archives that are asked by DIMSE (PS3.4 annex C) or by DICOMweb (PS3.18 10.4 and 10.6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)
from pynetdicom import build_role, evt
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from afunet.node.config import NodeConfig, Peer
from afunet.node.contexts import IMAGES
from afunet.node.intake import SUCCESS, Intake
from afunet.node.log import say
from afunet.node.offers import ASKED, NO_ANSWER, NOT_ALL_SENT, Archive, Beat, Offer, days
from afunet.node.peers import FIND, Context, asking, association, found
from afunet.node.web import Web, WebImage

MOVE = StudyRootQueryRetrieveInformationModelMove
GET = StudyRootQueryRetrieveInformationModelGet
MOVING_S = 80.0
"""How long a peer may be silent while it sends."""
SYNTAXES = (
    (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian),
    *(
        (one,)
        for one in (
            DeflatedExplicitVRLittleEndian,
            JPEGBaseline8Bit,
            JPEGExtended12Bit,
            JPEGLossless,
            JPEGLosslessSV1,
            JPEGLSLossless,
            JPEGLSNearLossless,
            JPEG2000Lossless,
            JPEG2000,
            RLELossless,
        )
    ),
)
"""Those of a context each: a peer then sends an image as it has it, without encoding it again."""


@dataclass(frozen=True, eq=False)
class DimseArchive:
    """The peer at the other end of an association. With `title` it sends to that AE title."""

    made: Any
    title: str
    beat: Beat

    def studies(self, first: date, last: date) -> list[str]:
        """Return the UIDs of the studies of these days (C-FIND)."""
        answers = found(self.made, "STUDY", StudyDate=days(first, last), StudyInstanceUID="")
        return [uid for one in answers if (uid := str(one.get("StudyInstanceUID", "")))]

    def series(self, study: str, uid: str = "") -> list[Offer]:
        """Return the series of a study, or the one with this UID (C-FIND)."""
        asked: dict[str, str | None] = dict.fromkeys(ASKED)
        asked |= {"StudyInstanceUID": study, "SeriesInstanceUID": uid or None}
        return [Offer.of(study, one) for one in found(self.made, "SERIES", **asked)]

    def fetch(self, offer: Offer) -> str:
        """Let the peer send a series to the receiver (C-MOVE), or here (C-GET)."""
        query, last = Dataset(), None
        query.QueryRetrieveLevel = "SERIES"
        query.StudyInstanceUID, query.SeriesInstanceUID = offer.study, offer.series
        for status, _ in self._sent(query):
            self.beat()
            last = status.get("Status")
        if last is None:
            return NO_ANSWER
        return "" if last == SUCCESS else NOT_ALL_SENT

    def _sent(self, query: Dataset) -> Iterable[tuple[Dataset, Dataset | None]]:
        with asking():
            if self.title:
                return self.made.send_c_move(query, self.title, MOVE)  # type: ignore[no-any-return]
            return self.made.send_c_get(query, GET)  # type: ignore[no-any-return]


@dataclass(frozen=True, eq=False)
class WebArchive:
    """The DICOMweb service of a peer, whose images go into `intake`."""

    web: Web
    intake: Intake | None
    beat: Beat

    def studies(self, first: date, last: date) -> list[str]:
        """Return the UIDs of the studies of these days (QIDO-RS)."""
        return self.web.studies(days(first, last))

    def series(self, study: str, uid: str = "") -> list[Offer]:
        """Return the series of a study, or the one with this UID (QIDO-RS)."""
        return self.web.series(study, uid)

    def fetch(self, offer: Offer) -> str:
        """Retrieve the images of a series one after the other (WADO-RS)."""
        kept = []
        for image in self.web.images(offer):
            self.beat()
            kept.append(self._keeps(image))
        return "" if all(kept) and len(kept) >= max(1, offer.images) else NOT_ALL_SENT

    def _keeps(self, image: WebImage) -> bool:
        if image.kind not in IMAGES:
            say("image refused", code="KIND_REFUSED")
            return False
        assert self.intake is not None
        return self.intake.keep(image.content) == SUCCESS


@contextmanager
def archive(
    config: NodeConfig, peer: Peer, intake: Intake | None = None, beat: Beat = lambda: None
) -> Iterator[Archive]:
    """Yield a peer as an archive: by DIMSE if it has a port, else by DICOMweb.

    Without an intake it can be asked, but nothing is fetched. `beat` is called with each image or
    answer, so that somebody knows that the peer still sends. Raises `InputError`
    (`PEER_UNREACHABLE`, `PEER_REFUSES`) if there is no way to it.
    """
    if not peer.port:
        yield WebArchive(Web(config, peer), intake, beat)
        return
    contexts: list[Context] = [(FIND, ())]
    if intake is None or not peer.get:
        contexts += [(MOVE, ())] if intake else []
        with association(config, peer, contexts) as made:
            yield _patient(made, config.ae_title, beat)
        return

    def store(event: Any) -> int:
        beat()
        return intake.store(event)

    contexts += [(GET, ()), *((kind, each) for kind in IMAGES for each in SYNTAXES)]
    roles = [build_role(kind, scp_role=True) for kind in IMAGES]
    with association(config, peer, contexts, [(evt.EVT_C_STORE, store)], roles) as made:
        yield _patient(made, "", beat)


def _patient(made: Any, title: str, beat: Beat) -> DimseArchive:
    made.dimse_timeout = MOVING_S
    return DimseArchive(made, title, beat)
