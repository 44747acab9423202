"""Storage commitment (PS3.4 annex J): the request to a peer, and what it answers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from pydicom.dataset import Dataset

from afunet.node.log import say
from afunet.node.outbox import Outbox, Parcel

SUCCESS, FAILED = 0x0000, 0x0110
LOST = "NOT_COMMITTED"


def request_for(parcels: Iterable[Parcel], transaction: str) -> Dataset:
    """Return the content of an N-ACTION that asks a peer to commit to results."""
    request = Dataset()
    request.TransactionUID = transaction
    request.ReferencedSOPSequence = [_reference(parcel) for parcel in parcels]
    return request


def reported(outbox: Outbox, event: Any) -> tuple[int, None]:
    """Take an N-EVENT-REPORT into the outbox; return the status of success once that is durable."""
    try:
        answer = event.event_information
        transaction = str(answer.get("TransactionUID", ""))
        kept = set(_uids(answer.get("ReferencedSOPSequence") or ()))
        lost = dict.fromkeys(_uids(answer.get("FailedSOPSequence") or ()), LOST)
        parcels = outbox.answered(transaction, kept, lost)
    except (OSError, sqlite3.Error, AttributeError, ValueError) as error:
        say("commitment lost", reason=type(error).__name__)
        return FAILED, None
    say("commitment answered", parcels=parcels, failed=len(lost))
    return SUCCESS, None


def _uids(items: Sequence[Dataset]) -> list[str]:
    return [str(item.get("ReferencedSOPInstanceUID", "")) for item in items]


def _reference(parcel: Parcel) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = parcel.result.kind
    item.ReferencedSOPInstanceUID = parcel.result.uid
    return item
