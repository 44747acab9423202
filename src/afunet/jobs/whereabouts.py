"""Which process on which host this is, so that another one there can see that it ended."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True)
class Whereabouts:
    """A process: its host, its number there, and when it began."""

    host: str
    process: int
    began: str

    @classmethod
    def here(cls) -> Whereabouts:
        """Return those of this process."""
        return cls(host(), os.getpid(), _began(os.getpid()))

    @property
    def has_ended(self) -> bool:
        """Whether the process is known to have ended; False for one on another host."""
        return bool(self.began) and self.host == host() and _began(self.process) != self.began


@cache
def host() -> str:
    """Return a name for this boot of this host, as far as its processes see each other."""
    with suppress(OSError):
        boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink(PROC / 'self/ns/pid')}"
    return socket.gethostname()


def _began(process: int) -> str:
    """Return when a process began, in ticks of its host's clock; "" if that cannot be told."""
    try:
        status = (PROC / str(process) / "stat").read_text()
    except OSError:
        return ""
    state, *rest = status.rpartition(")")[2].split()
    return "" if state == "Z" else rest[18]
