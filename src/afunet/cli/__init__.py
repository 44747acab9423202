"""The command line: arguments in, one workflow called, its answer printed."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from afunet.cli import compare, evaluate, prepare, segment, simulate, train
from afunet.cli.door import at_the_door
from afunet.errors import AfunetError, ExitCode
from afunet.faults import PROGRAM_ERROR, code_of, exit_code_of, keep_stack, reason_of
from afunet.terminal.messages import Level, messages, print_failure, reset_messages
from afunet.terminal.stop import Stopped, breaking_off
from afunet.terminal.streams import console, prepared_streams

app = typer.Typer(
    name="afunet",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        console.print(f"afunet {version('afunet')}", highlight=False)
        raise typer.Exit


@app.callback()
def root(
    show_version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Say the version."),
    ] = False,
) -> None:
    """Bones of the lower limb from CT.

    A DICOM series in; a mask, a surface, pictures and an honest report out. Research software,
    not a medical device.

    Start with:  afunet segment FOLDER -o OUT

    Exit codes: 0 all is well, 1 refused, 2 called wrongly, 3 results missing, 4 an error of
    afunet itself, 130 Ctrl-C, 143 SIGTERM.
    """


for command in (
    segment.segment,
    segment.inspect,
    segment.reconstruct,
    simulate.phantom,
    simulate.demo,
    train.models,
    prepare.prepare,
    train.train,
    evaluate.evaluate,
    compare.compare,
):
    app.command()(at_the_door(command))


def main() -> None:
    """Run the command line; every failure is one line and an exit code of `ExitCode`."""
    reset_messages()
    with prepared_streams():
        code = _exit_code()
    sys.exit(code)


def _exit_code() -> int:
    try:
        with breaking_off():
            app(standalone_mode=True)
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else ExitCode.FINE
    except Stopped as stopped:
        if str(stopped):
            messages.say(Level.INFO, str(stopped))
        return int(stopped.exit_code)
    except Exception as error:
        print_failure(told(error), code_of(error))
        return exit_code_of(error)
    return ExitCode.FINE


def told(error: Exception) -> str:
    """A failure of the whole command in one line; a fault's stack is kept in a file."""
    if isinstance(error, OSError) and error.filename:  # a file that went away during the work
        return f"{reason_of(error)}: {error.filename}"
    if isinstance(error, AfunetError) or code_of(error) != PROGRAM_ERROR:
        return reason_of(error)
    kept = keep_stack(error)
    where = f"where it happened stands in {kept}, without any data" if kept else "nothing was kept"
    return f"{reason_of(error)}: please report it; {where}"
