"""Clients that are silent or slow at a real socket, while others are served."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest

from afunet.server.limits import Limits
from afunet.server.serve import ServeOptions, Server, serving

LIMITS = Limits(head_s=1.0, idle_s=1, stalled_s=1.0, most_connections=30)
HEAD = b"GET /api/cases HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
SOON_S = 20.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(ServeOptions(tmp_path_factory.mktemp("slow") / "data", limits=LIMITS)) as made:
        thread = threading.Thread(target=made.run, daemon=True)
        thread.start()
        yield made
        made.stop()
        thread.join(30)


def link_of(server: Server) -> tuple[str, str]:
    base, _, token = server.addresses[0].link.partition("/?token=")
    return base, token


def answered(server: Server) -> None:
    """Ask as a user on a connection of its own."""
    base, token = link_of(server)
    with httpx2.Client(headers={"authorization": f"Bearer {token}"}, timeout=SOON_S) as client:
        assert client.get(f"{base}/api/cases").json() == []


@contextmanager
def wires(server: Server, count: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        made = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.door.port), SOON_S))
            for _ in range(count)
        ]
        yield made


def rest_of(wire: socket.socket) -> bytes:
    came = b""
    try:
        while chunk := wire.recv(1 << 16):
            came += chunk
    except ConnectionResetError:
        pass
    return came


def soon(true: Callable[[], bool]) -> None:
    end = time.monotonic() + SOON_S
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def is_open(wire: socket.socket) -> bool:
    wire.setblocking(False)
    try:
        return wire.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionResetError:
        return False


def test_heads_that_never_end_are_refused_and_keep_nobody_out(server: Server) -> None:
    stop = threading.Event()
    with wires(server, 25) as slow:

        def drip() -> None:
            while not stop.wait(0.2):
                for wire in slow:
                    try:
                        wire.sendall(b"a")
                    except OSError:
                        continue

        for wire in slow:
            wire.sendall(HEAD)
        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            for _ in range(5):
                answered(server)
            answers = [rest_of(wire) for wire in slow]
        finally:
            stop.set()
            dripping.join()
    refused = [came.partition(b"\r\n\r\n") for came in answers if came]
    assert len(refused) >= 20  # of the others the answer was lost with a late byte
    for head, _, body in refused:
        assert head.split()[1] == b"408"
        assert json.loads(body)["code"] == "TOO_SLOW"


def test_silent_connections_are_closed(server: Server) -> None:
    with wires(server, 5) as silent:
        assert [rest_of(wire) for wire in silent] == [b""] * 5
    answered(server)


def test_a_connection_that_waits_after_an_answer_is_closed(server: Server) -> None:
    base, token = link_of(server)
    with wires(server, 1) as (wire,):
        head = f"GET /api/cases HTTP/1.1\r\nHost: {base[7:]}\r\nAuthorization: Bearer {token}"
        wire.sendall(head.encode() + b"\r\n\r\n")
        assert rest_of(wire).endswith(b"[]")


def test_of_too_many_connections_those_that_wait_longest_are_dropped(server: Server) -> None:
    with wires(server, 3 * LIMITS.most_connections) as many:
        answered(server)
        soon(lambda: not any(map(is_open, many[: LIMITS.most_connections])))
    answered(server)


def test_answers_that_nobody_reads_are_given_up(server: Server) -> None:
    base, token = link_of(server)
    static = Path(__file__).parents[2] / "src/afunet/server/static"
    script = next(static.rglob("niivue*.js"))
    asked = (
        f"GET /static/{script.relative_to(static).as_posix()} HTTP/1.1\r\nHost: {base[7:]}\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    )
    held = server._server.server_state.connections
    soon(lambda: not held)
    with wires(server, 1) as (wire,):
        wire.sendall(asked.encode() * 20)
        soon(lambda: bool(held))
        soon(lambda: not held)
        assert len(rest_of(wire)) < 20 * script.stat().st_size
    answered(server)
