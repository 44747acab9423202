"""Results by DICOMweb: STOW-RS (PS3.18 10.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import requests
from dicomweb_client.api import DICOMwebClient
from dicomweb_client.session_utils import add_certs_to_session
from pydicom.dataset import Dataset

from afunet.errors import InputError
from afunet.node.config import NodeConfig, Peer

WAIT_S = 60.0


@dataclass(frozen=True)
class Stow:
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
            answer = self.client.store_instances([result])
        except requests.HTTPError:
            return "STORE_REFUSED"
        except requests.RequestException:
            raise InputError(
                f"the DICOMweb service of {self.peer.name} does not answer: look at web and TLS",
                code="PEER_UNREACHABLE",
            ) from None
        failed = answer.get("FailedSOPSequence") or []
        stored = answer.get("ReferencedSOPSequence") or []
        named = {str(item.get("ReferencedSOPInstanceUID", "")) for item in stored}
        return "STORE_REFUSED" if len(failed) or uid not in named else ""
