"""The health page: JSON at http://127.0.0.1:PORT/health, 200 if all is well and 503 if not."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from afunet.errors import ConfigError
from afunet.node.config import NodeConfig
from afunet.node.home import Home
from afunet.node.run import Node
from afunet.node.status import status_of

LOOPBACK = "127.0.0.1"
PATIENCE_S = 10.0


def health_of(config: NodeConfig, node: Node) -> tuple[bool, dict[str, Any]]:
    """Return whether all parts work and the disk has room, and the facts behind it."""
    home = Home(Path(config.data))
    parts = {
        part.role: {
            "well": part.is_well,
            "restarts": part.restarts,
            "silent_s": round(part.silent_s, 1),
        }
        for part in node.parts
    }
    try:
        facts: dict[str, Any] = status_of(home).plain
        has_room = facts["free_bytes"] >= config.free_bytes
    except (OSError, sqlite3.Error) as error:
        facts, has_room = {"reason": type(error).__name__}, False
    well = has_room and all(part.is_well for part in node.parts)
    return well, {"well": well, "parts": parts, **facts}


@contextmanager
def showing_health(config: NodeConfig, node: Node) -> Iterator[None]:
    """Answer at the health port, if there is one; raises `ConfigError` if it is taken."""
    if not config.health_port:
        yield
        return

    class Page(BaseHTTPRequestHandler):
        """Answers GET /health; it keeps no log."""

        timeout = PATIENCE_S

        def do_GET(self) -> None:
            """Answer."""
            known = self.path == "/health"
            well, facts = health_of(config, node) if known else (False, {"code": "NOT_FOUND"})
            body = json.dumps(facts).encode()
            self.send_response((200 if well else 503) if known else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Write nothing."""

    try:
        server = ThreadingHTTPServer((LOOPBACK, config.health_port), Page)
    except OSError as reason:
        raise ConfigError(
            f"cannot show the health at {LOOPBACK}:{config.health_port}: "
            f"{reason.strerror or reason}; change health_port",
            code="ADDRESS_TAKEN",
        ) from None
    with server:
        threading.Thread(target=server.serve_forever, daemon=True, name="health").start()
        try:
            yield
        finally:
            server.shutdown()
