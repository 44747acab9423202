"""The command line: arguments in, one workflow called, its answer printed."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from afunet.cli import compare, evaluate, prepare, segment, simulate, train
from afunet.errors import AfunetError, Cancelled
from afunet.terminal import console, errors, print_failure

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
    app.command()(command)


def main() -> None:
    """Run the command line; every known failure is one line and exit code 1."""
    try:
        app(standalone_mode=True)
    except Cancelled as error:
        errors.print(f"[yellow]{error}[/]", highlight=False)
        sys.exit(130)
    except AfunetError as error:
        print_failure(str(error))
        sys.exit(1)
    except OSError as error:  # a full disk, a file that went away in the middle of the work
        print_failure(f"{error.strerror or error}: {error.filename or 'while working'}")
        sys.exit(1)
