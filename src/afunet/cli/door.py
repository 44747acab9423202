"""What all commands share: `~` in paths, the options for progress and logs, and `Work`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from afunet.models.cores import forget_unreadable, threads
from afunet.terminal.messages import print_warning
from afunet.terminal.work import LogForm, View, at_work

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Show a line each second, not a bar.")
]
Log = Annotated[LogForm, typer.Option(help="Write progress and messages as text or as JSON lines.")]
LogFile = Annotated[Path | None, typer.Option(help="Also add progress and messages to this file.")]
SHOWN: Mapping[str, tuple[Any, Any]] = {
    "quiet": (Quiet, False),
    "verbose": (Verbose, False),
    "log": (Log, LogForm.TEXT),
    "log_file": (LogFile, None),
}
WORK = "work"


def at_the_door(command: Callable[..., None]) -> Callable[..., None]:
    """Return the command as typer calls it: `~` in its paths is expanded, `work` is passed in.

    A command with the parameter `work` has the options of `SHOWN` in its place.
    """
    hints = get_type_hints(command, include_extras=True)
    own = dict(inspect.signature(command).parameters)
    works = own.pop(WORK, None) is not None

    def called(**given: Any) -> None:
        given = {name: at_home(value) for name, value in given.items()}
        if not works:
            _forget_unreadable_threads()
            command(**given)
            return
        view = View(**{name: given.pop(name) for name in SHOWN})
        with at_work(view, list(_paths_in(given.values()))) as work:
            _forget_unreadable_threads()
            command(**given, work=work)

    parameters = [
        parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in own.items()
    ]
    if works:
        parameters += [
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind
            )
            for name, (kind, default) in SHOWN.items()
        ]
    called.__name__, called.__doc__ = command.__name__, command.__doc__
    called.__annotations__ = {one.name: one.annotation for one in parameters}
    vars(called)["__signature__"] = inspect.Signature(parameters)
    return called


def at_home(value: Any) -> Any:
    """Expand `~` in a path, or in text that is a path; return anything else unchanged.

    A path that exists as written, or for which no home folder is known, is not changed either.
    """
    if isinstance(value, list | tuple):
        return type(value)(at_home(item) for item in value)
    if not isinstance(value, Path | str) or not str(value).startswith("~"):
        return value
    if isinstance(value, str) and value[1:2] not in ("", "/", "\\"):
        return value
    try:
        return value if Path(value).exists() else type(value)(Path(value).expanduser())
    except (RuntimeError, OSError):
        return value


def _forget_unreadable_threads() -> None:
    """Say in one line that OMP_NUM_THREADS cannot be read, before the libraries that read it."""
    if (given := forget_unreadable()) is not None:
        print_warning(
            f"OMP_NUM_THREADS is {given[:20]!r}, expected a whole number from 1 on: it is ignored, "
            f"{threads()} threads compute",
            "THREADS_UNREADABLE",
        )


def _paths_in(values: Any) -> Iterator[Path]:
    for value in values:
        if isinstance(value, Path):
            yield value
        elif isinstance(value, str) and "/" in value:
            yield Path(value)  # a path or a URL, where a command takes both
        elif isinstance(value, list | tuple):
            yield from _paths_in(value)
