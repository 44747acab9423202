"""The DICOMweb service of a peer: images out of it (QIDO-RS, WADO-RS), results in (STOW-RS)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import requests
from dicomweb_client.api import DICOMwebClient
from dicomweb_client.session_utils import add_certs_to_session
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from afunet.errors import InputError
from afunet.node.config import NodeConfig, Peer
from afunet.node.offers import ASKED, Offer

WAIT_S = 60.0
AS_KEPT = (("application/dicom", "*"),)
"""Whatever transfer syntax the peer has (PS3.18 8.7.3.5.2)."""


@dataclass(frozen=True)
class WebImage:
    """A DICOM file and its SOP class."""

    kind: str
    content: bytes


@dataclass(frozen=True)
class Web:
    """The DICOMweb service of a peer."""

    config: NodeConfig
    peer: Peer

    @property
    def client(self) -> Any:
        """A client that shows the node's certificate, if the peer is asked for one."""
        session = requests.Session()
        session.trust_env = False
        tls = self.config.tls
        if self.peer.tls and tls is not None:
            add_certs_to_session(session, tls.authority)
            session.cert = (tls.certificate, tls.key)
        client = DICOMwebClient(self.peer.web, session=session, timeout=WAIT_S)
        client.set_http_retry_params(retry=False)  # the outbox tries again
        return client

    def store(self, result: Dataset, uid: str) -> str:
        """Send a result; return "" if the peer stored it, or why it did not.

        Some servers answer with success and list the object among the failed ones, or with an
        empty list of failed ones: only the object's name among those that were stored counts.
        Raises `InputError` (`PEER_UNREACHABLE`) if there is no way to the peer.
        """
        try:
            with self._reached():
                answer = self.client.store_instances([result])
        except (requests.HTTPError, ValueError):
            return "STORE_REFUSED"
        failed = answer.get("FailedSOPSequence") or []
        stored = answer.get("ReferencedSOPSequence") or []
        named = {str(item.get("ReferencedSOPInstanceUID", "")) for item in stored}
        return "STORE_REFUSED" if len(failed) or uid not in named else ""

    def studies(self, days: str) -> list[str]:
        """Return the UIDs of the studies of a range of dates (QIDO-RS, PS3.18 10.6).

        Raises `InputError` (`PEER_UNREACHABLE`, `PEER_REFUSES`) without an answer.
        """
        answers = self._found(
            self.client.search_for_studies,
            fields=["StudyInstanceUID"],
            search_filters={"StudyDate": days},
        )
        return [uid for one in answers if (uid := str(one.get("StudyInstanceUID", "")))]

    def series(self, study: str, uid: str = "") -> list[Offer]:
        """Return the series of a study, or the one with this UID; errors as for `studies`."""
        wanted = {"SeriesInstanceUID": uid} if uid else {}
        answers = self._found(
            self.client.search_for_series,
            study_instance_uid=study,
            fields=list(ASKED),
            search_filters=wanted,
        )
        return [Offer.of(study, one) for one in answers]

    def images(self, offer: Offer) -> Iterator[WebImage]:
        """Yield the images of a series, as the peer keeps them (WADO-RS, PS3.18 10.4).

        An answer that breaks off ends before the last image. Raises `InputError`
        (`PEER_UNREACHABLE`) if there is no way to the peer.
        """
        with suppress(requests.HTTPError, ValueError, InvalidDicomError), self._reached():
            for image in self.client.iter_series(offer.study, offer.series, AS_KEPT):
                yield WebImage(str(image.get("SOPClassUID", "")), image.buffer.getvalue())

    def _found(self, search: Callable[..., list[Any]], **keys: Any) -> list[Dataset]:
        try:
            with self._reached():
                return [Dataset.from_json(one) for one in search(get_remaining=True, **keys)]
        except (requests.HTTPError, ValueError, KeyError, TypeError):
            raise InputError(
                f"the DICOMweb service of {self.peer.name} refuses a query: look at its log",
                code="PEER_REFUSES",
            ) from None

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except (requests.HTTPError, requests.JSONDecodeError):
            raise
        except requests.RequestException:
            raise InputError(
                f"the DICOMweb service of {self.peer.name} does not answer: look at web and TLS",
                code="PEER_UNREACHABLE",
            ) from None
