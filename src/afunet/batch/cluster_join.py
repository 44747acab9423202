"""Joining a cluster of Ray: one line says why that cannot be done, within seconds where it can."""

from __future__ import annotations

import logging
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from afunet.errors import DeviceError
from afunet.extras import require_extra

ENVIRONMENT = {
    "RAY_agent_register_timeout_ms": "120000",
    "RAY_raylet_start_wait_time_s": "120",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",
}
"""What Ray reads unless the user chose otherwise: its times are too short for a busy machine, and
it would print among a command's lines that a worker was lost."""
LOOK_S = 10.0
SETTINGS, FRAME_BYTES = b"\x04", 9
HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + SETTINGS + bytes(5)
"""How a client of HTTP/2, and so of gRPC, begins; the server answers with a frame of its settings
(RFC 9113, sections 3.4 and 6.5)."""


@contextmanager
def joined(address: str) -> Iterator[None]:
    """Join the cluster at HOST:PORT, or that of this machine for `auto`; leave it at the end.

    Raises `DeviceError` if no cluster answers or if it refuses this machine.
    """
    require_extra("ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    _require_listener(address)
    import ray

    try:
        with _signals_kept():
            _join(address)
        yield
    finally:
        ray.shutdown()


def _require_listener(address: str) -> None:
    """Raise `DeviceError` unless HOST:PORT answers as gRPC does; Ray would try for minutes."""
    host, _, port = address.rpartition(":")
    if not host or "://" in address or os.environ.get("RAY_USE_TLS", "0") != "0":
        return
    try:
        with socket.create_connection((host, int(port)), LOOK_S) as server:
            server.sendall(HTTP2)
            if server.recv(FRAME_BYTES)[3:4] == SETTINGS:
                return
    except (OSError, ValueError, OverflowError):
        pass
    raise _not_found(address)


def _join(address: str) -> None:
    import ray

    with _caught() as said:
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL)
        except (ConnectionError, RuntimeError, ValueError, OSError, ray.exceptions.RayError) as no:
            said.seek(0)
            text = said.read() + str(no).encode()
            wrong_token = b"Unauthenticated" in text or b"Authentication" in text
            raise _not_admitted(address) if wrong_token else _not_found(address) from None


@contextmanager
def _caught() -> Iterator[IO[bytes]]:
    """Keep what Ray's native code prints away from the error stream, where it would be lines more.

    The reason of a failed connection stands there and nowhere else.
    """
    errors = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield file
        finally:
            os.dup2(errors, 2)
            os.close(errors)


def _not_admitted(address: str) -> DeviceError:
    return DeviceError(
        f"the cluster at {address!r} refuses this machine's token: set RAY_AUTH_MODE=token, and "
        "RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH to the token of its head node",
        code="CLUSTER_REFUSED",
    )


def _not_found(address: str) -> DeviceError:
    return DeviceError(
        f"no cluster of Ray answers at {address!r}: give HOST:PORT of its head node, or auto, on a "
        "machine where `ray start` has been called",
        code="CLUSTER_NOT_FOUND",
    )


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Keep this process's answer to SIGTERM, which Ray replaces."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
