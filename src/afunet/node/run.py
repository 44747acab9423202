"""The node as a whole: the main process, which starts its parts again when they end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from afunet.node.config import NodeConfig
from afunet.node.contexts import server_context
from afunet.node.home import Home
from afunet.node.log import say
from afunet.node.process import roles_of
from afunet.node.receiver import address_taken

FIRST_WAIT_S, LONGEST_WAIT_S, STEADY_S = 0.5, 60.0, 60.0
LOOK_S = 0.2
SILENT_S = 90.0
GRACE_S = 30.0


@dataclass(eq=False)
class Part:
    """A process with one role, in a session of its own: Ctrl-C reaches the main one alone."""

    role: str
    config: Path
    clock: Callable[[], float] = time.monotonic
    restarts: int = 0
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _began: float = field(default=0.0, init=False)
    _heard: float = field(default=0.0, init=False)
    _wait_s: float = field(default=FIRST_WAIT_S, init=False)
    _ended: float | None = field(default=None, init=False)

    @property
    def pid(self) -> int | None:
        """The number of the process, None if there is none."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def silent_s(self) -> float:
        """The seconds since its last round of work."""
        return self.clock() - self._heard

    @property
    def is_well(self) -> bool:
        """Whether it runs, and works."""
        return self.pid is not None and self.silent_s < SILENT_S

    def start(self) -> None:
        """Start the process."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "afunet.node.process", self.role, str(self.config)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._began = self._heard = self.clock()
        self._ended = None
        threading.Thread(target=self._listen, args=(self._process,), daemon=True).start()

    def look(self) -> None:
        """Start the process again if it has ended, later each time; kill it if it hangs."""
        now = self.clock()
        if self._ended is not None:
            if now - self._ended >= self._wait_s:
                self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)
                self.restarts += 1
                self.start()
        elif self._process is not None and (code := self._process.poll()) is not None:
            if now - self._began > STEADY_S:
                self._wait_s = FIRST_WAIT_S
            self._ended = now
            self._hang_up()
            say("part ended", part=self.role, code=code, again_s=self._wait_s)
        elif self._process is not None and self.silent_s > 2 * SILENT_S:
            say("part hangs", part=self.role)
            self._process.kill()

    def ask_to_end(self) -> None:
        """Send SIGTERM."""
        if self._process is not None:
            with suppress(OSError):
                self._process.terminate()

    def end(self, timeout_s: float) -> None:
        """Wait for its end; kill it if that takes too long."""
        if self._process is None:
            return
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._hang_up()

    def _hang_up(self) -> None:
        """Close the pipe to the process; that from it is closed by who listens."""
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        with process.stdout:
            while os.read(process.stdout.fileno(), 1024):
                self._heard = self.clock()


@dataclass(frozen=True, eq=False)
class Node:
    """The parts of a node."""

    parts: tuple[Part, ...]

    def run(self) -> None:
        """Keep all parts running, until a signal raises an error here."""
        while True:
            time.sleep(LOOK_S)
            for part in self.parts:
                part.look()


@contextmanager
def running(config: NodeConfig, path: Path) -> Iterator[Node]:
    """Yield a node whose parts were started from the file `path`; they end with it.

    Raises `ConfigError` for an address or certificates that cannot be used, and `OutputError`
    (`FOLDER_IN_USE`) if another node works in its folder.
    """
    home = Home(Path(config.data))
    if config.tls is not None:
        server_context(config.tls)
    with home.alone():
        _require_free(config)
        node = Node(tuple(Part(role, path.absolute()) for role in roles_of(config)))
        try:
            for part in node.parts:
                part.start()
            yield node
        finally:
            for part in node.parts:
                part.ask_to_end()
            end = time.monotonic() + GRACE_S
            for part in node.parts:
                part.end(max(0.0, end - time.monotonic()))


def _require_free(config: NodeConfig) -> None:
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((config.host, config.port))
            tried.listen(1)
        except OSError as reason:
            raise address_taken(config, reason) from None
