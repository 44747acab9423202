"""The users of a server and their tokens, of which only digests are kept."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from afunet.errors import ConfigError, InputError
from afunet.whole_file import whole_file

LOCAL = "local"
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
TOKEN_BYTES = 32


@dataclass
class People:
    """The digest of each user's token. `file` keeps those of named users for the next start."""

    file: Path
    _digests: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, file: Path) -> People:
        """Read the users of before; raises `InputError` for a broken list."""
        try:
            digests = json.loads(file.read_bytes())
            kept = {str(name): str(digest) for name, digest in digests.items()}
        except FileNotFoundError:
            kept = {}
        except (ValueError, AttributeError):
            raise InputError(
                f"{file.name} is no list of users: remove it, and give each user a new token",
                code="FILE_BROKEN",
            ) from None
        return cls(file, kept)

    def new_token(self, name: str) -> str:
        """Return a fresh token for a user, which replaces the one of before.

        The digest of a named user's token is kept on disk. Raises `ConfigError` for a bad name.
        """
        if not NAME.fullmatch(name):
            raise ConfigError(
                f"the user {name[:40]!r} is no name: use up to 32 of a-z, 0-9 and -",
                code="USER_NAME",
            )
        token = secrets.token_urlsafe(TOKEN_BYTES)
        self._digests[name] = _digest(token)
        if name != LOCAL:
            kept = {user: digest for user, digest in self._digests.items() if user != LOCAL}
            with whole_file(self.file) as unfinished:
                unfinished.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
                os.chmod(unfinished, 0o600)
        return token

    def who(self, token: str) -> str | None:
        """Return whose token this is, None if nobody's. It takes the same time for every token."""
        given, found = _digest(token), None
        for name, digest in self._digests.items():
            if hmac.compare_digest(given, digest):
                found = name
        return found


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
