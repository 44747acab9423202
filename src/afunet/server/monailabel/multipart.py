"""Two parts in one answer, as MONAI Label's client reads them: JSON, and a file."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

GZIP = "application/gzip"


@dataclass(frozen=True)
class FormData:
    """The body of an answer and its content type (RFC 7578).

    Its length must be sent with it: the client reads the connection up to there.
    """

    content_type: str
    body: bytes


def form_data(params: Mapping[str, Any], name: str, content: bytes, kind: str = GZIP) -> FormData:
    """Return `params` as JSON, and a file of this name as the part `image`."""
    boundary = secrets.token_hex(16)
    told = json.dumps(params).encode()
    parts = (
        ('name="params"', "application/json", told),
        (f'name="image"; filename="{name}"', kind, content),
    )
    body = bytearray()
    for disposition, of_kind, data in parts:
        head = f"Content-Disposition: form-data; {disposition}\r\nContent-Type: {of_kind}\r\n\r\n"
        body += f"--{boundary}\r\n{head}".encode() + data + b"\r\n"
    body += f"--{boundary}--\r\n".encode()
    return FormData(f"multipart/form-data; boundary={boundary}", bytes(body))
