"""Run the server: one socket, its workers and processes, until a signal ends it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import uvicorn

from afunet.errors import ConfigError
from afunet.jobs.ledger import Ledger
from afunet.jobs.process import ProcessPool
from afunet.jobs.worker import Worker
from afunet.server.abandoned import remove_abandoned, remove_now_and_then
from afunet.server.app import application
from afunet.server.cases import adopt_orphans
from afunet.server.connection import Connection
from afunet.server.guard import Door
from afunet.server.home import Home
from afunet.server.limits import Limits
from afunet.server.people import LOCAL, People
from afunet.server.workshop import TASKS, Workshop

LOOPBACK = ("127.0.0.1", "localhost", "::1")
SHUTDOWN_S = 3
BACKLOG = 256


@dataclass(frozen=True)
class Address:
    """Where a user finds the server: a link that carries the user's token."""

    user: str
    link: str


@dataclass(frozen=True)
class ServeOptions:
    """`port` 0 takes a free one. Without `users` the only one is `local`. `workers` run jobs."""

    data: Path
    host: str = "127.0.0.1"
    port: int = 0
    folders: tuple[Path, ...] = ()
    users: tuple[str, ...] = ()
    workers: int = 1
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not 0 <= self.port < 1 << 16:
            raise ConfigError(f"the port is {self.port}, expected 0 to 65535")
        if self.workers < 1:
            raise ConfigError(f"got {self.workers} workers, expected 1 or more")
        for folder in self.folders:
            if not folder.is_dir():
                raise ConfigError(f"{folder} is no folder: allow one that exists")


@dataclass(eq=False)
class Server:
    """A server that is bound to its socket. `run` answers requests until it is stopped."""

    addresses: Sequence[Address]
    door: Door
    _socket: socket.socket
    _server: uvicorn.Server
    _shop: Workshop

    def run(self) -> None:
        """Answer requests until a signal comes or `stop` is called."""
        self._server.run(sockets=[self._socket])

    def stop(self) -> None:
        """End `run` soon."""
        self._shop.closing.set()
        self._server.should_exit = True


@contextmanager
def serving(options: ServeOptions) -> Iterator[Server]:
    """Yield a server with running workers; they and their processes end with it.

    Raises `ConfigError` for an address that cannot be used, and `OutputError` (`FOLDER_IN_USE`) if
    another server works in the data folder.
    """
    home = Home(options.data.absolute())
    with home.alone(), _bound(options.host, options.port) as listening:
        people = People.of(home.people)
        door = _door(options.host, listening.getsockname()[1])
        addresses = [
            Address(user, f"http://{_shown(options.host)}:{door.port}/?token={token}")
            for user in options.users or (LOCAL,)
            for token in [people.new_token(user)]
        ]
        ledger = Ledger(home.ledger)
        workers = tuple(Worker(ledger, TASKS) for _ in range(options.workers))
        pool = ProcessPool(TASKS)
        shop = Workshop(home, ledger, pool, workers, options.limits, options.folders)
        try:
            adopt_orphans(shop)
            remove_abandoned(shop)
            threading.Thread(target=remove_now_and_then, args=[shop], daemon=True).start()
            for worker in workers:
                worker.start()
            pool.warm()
            yield Server(addresses, door, listening, _uvicorn(shop, people, door), shop)
        finally:
            shop.closing.set()
            for worker in workers:
                worker.stop()
            pool.close()
            ledger.close()


def _uvicorn(shop: Workshop, people: People, door: Door) -> uvicorn.Server:
    """Return the web server. It keeps no log: addresses hold tokens, and bodies anything."""
    config = uvicorn.Config(
        application(shop, people, door),
        log_level="critical",
        access_log=False,
        server_header=False,
        date_header=False,
        lifespan="off",
        ws="none",
        http=partial(Connection, limits=shop.limits),  # type: ignore[arg-type]
        proxy_headers=False,
        timeout_keep_alive=shop.limits.idle_s,
        timeout_graceful_shutdown=SHUTDOWN_S,
    )
    return uvicorn.Server(config)


def _door(host: str, port: int) -> Door:
    if host in LOOPBACK:
        return Door(port)
    names = {host, socket.gethostname(), socket.getfqdn(), "localhost"}
    return Door(port, frozenset(name.lower() for name in names), everywhere=True)


@contextmanager
def _bound(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
        except OSError as reason:
            raise ConfigError(
                f"cannot listen at {host}:{port}: {reason.strerror or reason}; give another --host "
                "or --port",
                code="ADDRESS_TAKEN",
            ) from None
        listening.listen(BACKLOG)
        yield listening


def _shown(host: str) -> str:
    if host in ("0.0.0.0", "::"):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host
