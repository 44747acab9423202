"""The command `afunet`, also run as `python -m afunet`."""

import gc
import signal
import sys

INTERRUPTED = 130


def main() -> None:
    """Run the command line; Ctrl-C ends it quietly, even while its modules are imported.

    Afterwards signals are ignored, so that none replaces the exit code while Python shuts down, and
    Python does not look through a million objects for cycles again.
    """
    try:
        from afunet.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    finally:
        gc.freeze()
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), signal.SIG_IGN)


if __name__ == "__main__":
    main()
