"""The UIDs of results: new ones each time, or always the same for the same work."""

from __future__ import annotations

from pydicom.uid import generate_uid


def new_uid(identity: str, role: str) -> str:
    """Return a UID below pydicom's root (PS3.5 section 9).

    `identity` names the work that a result comes from: work that is done again gives the same UID
    for the same `role`, so that an archive replaces the result instead of keeping both. Without an
    identity each UID is new.
    """
    return str(generate_uid(entropy_srcs=[identity, role]) if identity else generate_uid())
