"""How much a client may send, and how slowly."""

from __future__ import annotations

import re
from dataclasses import dataclass

from afunet.formats.dicom.archive import MOST_BYTES, MOST_MEMBERS

KIB, MIB = 1 << 10, 1 << 20
UPLOADED = re.compile(
    r"PUT /api/uploads/[^/]+/files/\d+"
    r"|PUT /session/|POST /infer/afunet(-fast)?|PUT /datastore/(image|label)?"
)
PAINTED = re.compile(r"PUT /api/cases/[^/]+/labels")


@dataclass(frozen=True)
class Limits:
    """Bytes of a request by what it is; files and bytes of one upload; how slow a client may be.

    An upload may hold as many files and bytes as an archive may unpack to, and is kept for `kept_s`
    seconds if it becomes no case. A body may take `patience_s` seconds, and one more for each
    `slowest_bytes_s` bytes that came. The rest are the limits of `Connection`.
    """

    request_bytes: int = MIB
    painted_bytes: int = 512 * MIB
    upload_bytes: int = MOST_BYTES
    upload_files: int = MOST_MEMBERS
    free_bytes: int = 512 * MIB
    patience_s: float = 30.0
    slowest_bytes_s: int = KIB
    kept_s: float = 24 * 3600.0
    idle_s: int = 75
    head_s: float = 15.0
    stalled_s: float = 60.0
    most_connections: int = 512

    def most_bytes(self, method: str, path: str) -> int:
        """Return the largest body that a request may have."""
        asked = f"{method} {path}"
        if UPLOADED.fullmatch(asked):
            return self.upload_bytes
        return self.painted_bytes if PAINTED.fullmatch(asked) else self.request_bytes
