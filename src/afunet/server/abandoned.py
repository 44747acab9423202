"""Uploads that became no case, and files that an end of the server left behind, are removed."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from afunet.faults import keep_stack
from afunet.server.home import INPUT, remove
from afunet.server.refusals import Refused
from afunet.server.workshop import Workshop

EVERY_S = 3600.0


def remove_abandoned(shop: Workshop, now: float | None = None) -> int:
    """Remove uploads that nobody uses and nobody changed for `kept_s`; return how many.

    `now` is in seconds since 1970.
    """
    before = (time.time() if now is None else now) - shop.limits.kept_s
    removed = 0
    for _, user in shop.home.users():
        for upload in user.all_uploads():
            with suppress(Refused, FileNotFoundError), shop.uses.alone(upload.name):
                if _changed(upload) < before:
                    remove(upload)
                    removed += 1
    return removed


def remove_now_and_then(shop: Workshop) -> None:
    """Remove abandoned uploads each hour, until the server closes."""
    while not shop.closing.wait(EVERY_S):
        try:
            remove_abandoned(shop)
        except OSError as error:
            keep_stack(error)


def _changed(upload: Path) -> float:
    """Return when a file of an upload came last, in seconds since 1970."""
    return max(path.stat().st_mtime for path in (upload, upload / INPUT) if path.is_dir())
