"""One of the node's processes: `python -m afunet.node.process ROLE CONFIG`.

It writes a dot to its standard output with every round of its work, and ends when its standard
input does, as it happens if the main process was killed.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from afunet.errors import AfunetError
from afunet.faults import keep_stack
from afunet.node.config import NodeConfig, load_config
from afunet.node.database import Database
from afunet.node.home import Home
from afunet.node.images import Images
from afunet.node.log import begin_log, say, say_error
from afunet.node.outbox import Outbox

ORPHANED, FAILED = 75, 1
Run = Callable[[threading.Event, Callable[[], None]], None]


def main() -> None:
    """Do the work of a role until a signal comes."""
    role, path = sys.argv[1:]
    begin_log(role)
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        run_of(role, load_config(Path(path)))(stop, _beat)
    except AfunetError as error:
        say_error("ended", error)
        sys.exit(FAILED)
    except Exception as error:
        keep_stack(error)
        say_error("fault", error)
        sys.exit(FAILED)
    say("ended")


def roles_of(config: NodeConfig) -> tuple[str, ...]:
    """Return the roles that a node needs."""
    return ("receiver", "worker", "sender", *(("puller",) if config.pulls else ()))


def run_of(role: str, config: NodeConfig) -> Run:
    """Return the work of a role; the libraries of the others are not loaded."""
    home = Home(Path(config.data))
    database = Database(home.database)
    images = Images(home, database)
    outbox = Outbox(database, config.retry_s, config.most_tries)
    if role == "receiver":
        from afunet.node.receiver import Receiver

        return Receiver(config, images, outbox).run
    if role == "sender":
        from afunet.node.sender import Sender

        return Sender(config, home, outbox).run
    if role == "puller":
        from afunet.node.puller import Puller

        return Puller(config, images).run
    from afunet.node.work import WorkRoom

    return WorkRoom(config, images, outbox, home).run


def _beat() -> None:
    try:
        os.write(1, b".")
    except OSError:
        os._exit(ORPHANED)


def _end_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os._exit(ORPHANED)


if __name__ == "__main__":
    main()
