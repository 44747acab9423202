"""The sender: carries results to each peer by C-STORE or STOW, until the peer has them.

What is sent is the file as it was written, checked by its SHA-256: a result that is sent again is
the same object.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.uid import generate_uid
from pynetdicom import _config, evt
from pynetdicom.sop_class import StorageCommitmentPushModel

from afunet.errors import AfunetError, InputError
from afunet.node.commitment import reported, request_for
from afunet.node.config import NodeConfig, Peer
from afunet.node.home import Home
from afunet.node.log import say, say_error
from afunet.node.outbox import Delivery, Outbox, Parcel
from afunet.node.peers import association
from afunet.node.web import Web
from afunet.workflows.own_files import digest_of

LOOK_S = 1.0
PUSH_MODEL_INSTANCE = "1.2.840.10008.1.20.1.1"
COERCED = (0xB000, 0xB006, 0xB007)
"""The peer stored the result with a warning (PS3.4 table B.2-1)."""
_config.STORE_SEND_CHUNKED_DATASET = True  # from the disk as it is, never as a whole in memory


@dataclass(frozen=True, eq=False)
class Sender:
    """Sends what is due in `outbox`, with a thread for each peer: a slow one delays no other."""

    config: NodeConfig
    home: Home
    outbox: Outbox

    def run(self, stop: threading.Event, beat: Callable[[], None]) -> None:
        """Send until `stop` is set."""
        peers = [peer for peer in self.config.peers if peer.is_reachable]
        threads = [
            threading.Thread(target=self._serve, args=(peer, stop), daemon=True, name=peer.name)
            for peer in peers
        ]
        for thread in threads:
            thread.start()
        say("sending", peers=len(peers))
        while not stop.wait(LOOK_S):
            if all(thread.is_alive() for thread in threads):
                beat()

    def _serve(self, peer: Peer, stop: threading.Event) -> None:
        """Deliver to a peer; wait longer each time while there is no way to it."""
        wait_s = LOOK_S
        while not stop.wait(wait_s):
            try:
                self.deliver(peer)
                wait_s = LOOK_S
            except AfunetError as error:
                wait_s = min(max(2 * wait_s, self.outbox.retry_s), 300.0)
                say_error("peer silent", error, peer=peer.name, again_s=wait_s)

    def deliver(self, peer: Peer) -> None:
        """Send what is due to a peer, and ask it for commitment; `AfunetError` without a way."""
        waiting = [
            one for one in self.outbox.due(peer.name, Delivery.WAITING) if self._is_whole(one)
        ]
        if not peer.port:
            self._by_web(peer, waiting)
            return
        asking = self.outbox.due(peer.name, Delivery.STORED) if peer.commitment else []
        if not (waiting or asking):
            return
        contexts = {(one.result.kind, (one.result.syntax,)) for one in waiting}
        wanted = [*sorted(contexts), *([(StorageCommitmentPushModel, ())] * peer.commitment)]
        handlers = [(evt.EVT_N_EVENT_REPORT, lambda event: reported(self.outbox, event))]
        with association(self.config, peer, wanted, handlers) as made:
            for parcel in waiting:
                self._store(made, peer, parcel)
            if peer.commitment:
                self._ask(made, peer, self.outbox.due(peer.name, Delivery.STORED))

    def _store(self, made: Any, peer: Peer, parcel: Parcel) -> None:
        try:
            status = made.send_c_store(self._path(parcel)).get("Status")
        except (ValueError, AttributeError):  # the peer did not accept this kind of object
            self._refused(parcel, "KIND_REFUSED")
            return
        except RuntimeError:
            raise InputError(
                f"{peer.name} ended the association: look at its log", code="PEER_UNREACHABLE"
            ) from None
        if status is None:
            self._refused(parcel, "NO_ANSWER")
        elif status in (0x0000, *COERCED):
            self.outbox.stored(parcel, ask=peer.commitment)
            say("result stored", job=parcel.job, peer=peer.name, file=parcel.result.file)
        else:
            self._refused(parcel, "STORE_REFUSED", status)

    def _ask(self, made: Any, peer: Peer, parcels: Sequence[Parcel]) -> None:
        """Ask for commitment; the transaction is durable before the peer can answer."""
        if not parcels:
            return
        transaction = str(generate_uid())
        self.outbox.asking(parcels, transaction, peer.commitment_wait_s)
        try:
            status, _ = made.send_n_action(
                request_for(parcels, transaction),
                1,
                StorageCommitmentPushModel,
                PUSH_MODEL_INSTANCE,
            )
            found = status.get("Status")
        except (ValueError, RuntimeError):
            found = None
        if found == 0x0000:
            say("commitment asked", peer=peer.name, parcels=len(parcels))
        else:
            self.outbox.not_asked(transaction, "COMMITMENT_REFUSED")
            say("commitment refused", peer=peer.name, status=_shown(found))

    def _by_web(self, peer: Peer, parcels: Sequence[Parcel]) -> None:
        for parcel in parcels:
            code = Web(self.config, peer).store(dcmread(self._path(parcel)), parcel.result.uid)
            if code:
                self._refused(parcel, code)
            else:
                self.outbox.stored(parcel, ask=False)
                say("result stored", job=parcel.job, peer=peer.name, file=parcel.result.file)

    def _refused(self, parcel: Parcel, code: str, status: int | None = None) -> None:
        self.outbox.refused(parcel, code)
        say("result refused", job=parcel.job, peer=parcel.peer, code=code, status=_shown(status))

    def _is_whole(self, parcel: Parcel) -> bool:
        """Whether the file is the one that the job wrote; if not, it is never sent."""
        if digest_of(self._path(parcel)) == parcel.result.sha256:
            return True
        self.outbox.refused(parcel, "RESULT_CHANGED", forever=True)
        say("result changed", job=parcel.job, file=parcel.result.file, code="RESULT_CHANGED")
        return False

    def _path(self, parcel: Parcel) -> Path:
        return self.home.results / parcel.job / parcel.result.file


def _shown(status: int | None) -> str | None:
    return None if status is None else f"{status:04X}"
