"""Associations that the node asks a peer for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind

from afunet.errors import InputError
from afunet.node.config import NodeConfig, Peer
from afunet.node.contexts import client_context, entity_of

FIND = StudyRootQueryRetrieveInformationModelFind
PENDING = (0xFF00, 0xFF01)
Context = tuple[str, Sequence[str]]
"""A SOP class and the transfer syntaxes for it; none offers the usual ones."""


@contextmanager
def association(
    config: NodeConfig,
    peer: Peer,
    contexts: Sequence[Context],
    handlers: Sequence[tuple[Any, Callable[[Any], Any]]] = (),
    roles: Sequence[Any] = (),
) -> Iterator[Any]:
    """Yield an association with a peer; raises `InputError` (`PEER_UNREACHABLE`) without one."""
    entity = entity_of(config)
    for kind, syntaxes in contexts:
        entity.add_requested_context(kind, *([list(syntaxes)] if syntaxes else []))
    tls = None
    if peer.tls and config.tls is not None:
        tls = (client_context(config.tls), peer.host)
    made = entity.associate(
        peer.host,
        peer.port,
        ae_title=peer.ae_title,
        tls_args=tls,
        evt_handlers=list(handlers),
        ext_neg=list(roles),
    )
    if not made.is_established:
        raise InputError(
            f"there is no association with {peer.name}: look at its address, AE titles and TLS",
            code="PEER_REFUSES" if made.is_rejected else "PEER_UNREACHABLE",
        )
    try:
        yield made
    finally:
        if made.is_established:
            made.release()


def found(made: Any, level: str, **keys: str | None) -> list[Dataset]:
    """Return a peer's answers to a query of the study root (C-FIND, PS3.4 C.6.2.1).

    Keys with a value must match; those without one are asked for. Raises `InputError` as `asking`.
    """
    query = Dataset()
    query.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        setattr(query, keyword, value)
    with asking():
        answers = made.send_c_find(query, FIND)
    return [one for status, one in answers if status.get("Status") in PENDING and one is not None]


@contextmanager
def asking() -> Iterator[None]:
    """Turn what pynetdicom raises for a request into `InputError` (`PEER_REFUSES`)."""
    try:
        yield
    except (ValueError, RuntimeError):
        raise InputError(
            "the peer takes no request of this kind, or ended the association: look at its log",
            code="PEER_REFUSES",
        ) from None
