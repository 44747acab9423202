"""The command line: read the arguments, call one workflow, print its answer."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from afunet.cli import (
    batch,
    compare,
    compress,
    edit,
    evaluate,
    measure,
    node,
    prepare,
    segment,
    serve,
    simulate,
    train,
)
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
        from importlib.metadata import version  # brings the parsers of e-mail and zip files

        console.print(f"afunet {version('afunet')}", highlight=False)
        raise typer.Exit


@app.callback()
def root(
    show_version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Segment the bones of the lower limb in CT.

    Reads a DICOM series and writes a mask, surfaces, pictures and a report. Research software,
    not a medical device.

    Start with:  afunet segment FOLDER -o OUT

    Exit codes: 0 success, 1 input refused, 2 wrong usage, 3 results missing, 4 internal error of
    afunet, 130 Ctrl-C, 143 SIGTERM.
    """


for command in (
    segment.segment,
    batch.batch,
    segment.inspect,
    segment.reconstruct,
    measure.measure,
    edit.edit,
    serve.serve,
    simulate.phantom,
    simulate.demo,
    train.models,
    prepare.prepare,
    train.train,
    evaluate.evaluate,
    compare.compare,
):
    app.command()(at_the_door(command))
app.add_typer(compress.app)
app.add_typer(node.app)


def main() -> None:
    """Run the command line; every failure gives one line and an exit code of `ExitCode`."""
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
    """Return one line about a failure of the whole command; keep a fault's stack in a file."""
    if isinstance(error, OSError) and error.filename:  # a file that disappeared during the work
        return f"{reason_of(error)}: {error.filename}"
    if isinstance(error, AfunetError) or code_of(error) != PROGRAM_ERROR:
        return reason_of(error)
    kept = keep_stack(error)
    where = f"details without any data are in {kept}" if kept else "no details could be saved"
    return f"{reason_of(error)}: please report it; {where}"
