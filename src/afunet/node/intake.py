"""The door for images, whether they come by C-STORE, C-GET or WADO-RS."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

from afunet.errors import InputError
from afunet.faults import code_of
from afunet.node.images import Images, Kept, header_of
from afunet.node.log import say, say_error

SUCCESS, OUT_OF_RESOURCES, MISMATCH, NOT_UNDERSTOOD = 0x0000, 0xA700, 0xA900, 0xC000


@dataclass(frozen=True, eq=False)
class Intake:
    """Takes images while `free_bytes` stay free on the disk.

    A status of success means that the image and its row are on the disk (PS3.4 annex B).
    """

    images: Images
    free_bytes: int

    def store(self, event: Any) -> int:
        """Keep the image of a C-STORE request; return the status for its sender."""
        try:
            content = event.encoded_dataset()
        except MemoryError as error:
            say("image refused", code=storage_code(error))
            return OUT_OF_RESOURCES
        return self.keep(content, str(event.request.AffectedSOPInstanceUID))

    def keep(self, content: bytes, uid: str = "") -> int:
        """Keep a DICOM file, which must have this SOP Instance UID if one is given."""
        if self.images.home.free_bytes < self.free_bytes:
            say("image refused", code="DISK_FULL")
            return OUT_OF_RESOURCES
        try:
            header = header_of(content)
            if uid and header.uid != uid:
                say("image refused", code="UID_MISMATCH")
                return MISMATCH
            kept = self.images.keep(header, content)
        except InputError as error:
            say_error("image refused", error)
            return NOT_UNDERSTOOD
        except (OSError, sqlite3.Error, MemoryError) as error:
            say("image refused", code=storage_code(error))
            return OUT_OF_RESOURCES
        if kept is Kept.OTHER:
            name = self.images.home.name_of(header.series)
            say("image known", code="CONTENT_DIFFERS", series=name)
        return SUCCESS


def storage_code(error: BaseException) -> str:
    """Return the code of what the disk or SQLite refused."""
    if isinstance(error, sqlite3.Error):
        full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        return "DISK_FULL" if full else "DATABASE"
    return code_of(error)
