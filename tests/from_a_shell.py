"""Start a program as a shell in the foreground does, however the suite itself was started.

A suite in the background, under nohup or in a job of continuous integration may ignore or block
signals, and what it starts would inherit that.
"""

from __future__ import annotations

import sys

HEARD = """
import os, signal, sys
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_SETMASK, ())
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def python(*arguments: object) -> list[str]:
    """The command line of a Python that hears every signal."""
    return [sys.executable, "-I", "-S", "-c", HEARD, *map(str, arguments)]
