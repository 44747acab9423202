"""The command `node`: a DICOM node that takes scans from an archive and sends results back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from afunet.cli.door import at_the_door
from afunet.errors import ConfigError
from afunet.terminal.show import print_lines

if TYPE_CHECKING:
    from afunet.node.home import Home

app = typer.Typer(name="node")

Config = Annotated[
    Path | None, typer.Option("--config", "-c", help="The node's TOML file; default: node.toml.")
]
DEFAULT = Path("node.toml")


def node(context: typer.Context, config: Config = None) -> None:
    """Take scans from a DICOM archive, segment them, and send the results back.

    Runs until Ctrl-C or SIGTERM, and writes a log of JSON lines to the error stream. Whatever ends,
    start it again and it goes on: an image that it acknowledged is on its disk.

    For example:

    - `afunet node --config node.toml`
    - `afunet node status --config node.toml`
    """
    context.obj = config
    if context.invoked_subcommand is None:
        _run(config or DEFAULT)


def status(
    context: typer.Context,
    config: Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show what came, what waits and what failed, without naming a patient."""
    from afunet.node.status import status_of

    home = _opened(context, config)
    found = status_of(home)
    print_lines([json.dumps(found.plain)] if as_json else found.lines)


def retry(context: typer.Context, config: Config = None) -> None:
    """Try failed jobs and failed deliveries again, as if they had never been tried."""
    from afunet.node.retry import retry as run

    home = _opened(context, config)
    again = run(home)
    print_lines((f"{again.jobs} jobs and {again.results} results are tried again",))


def purge(
    context: typer.Context,
    older_than: Annotated[
        float, typer.Option("--older-than", min=0.0, help="Days since the last image came.")
    ],
    config: Config = None,
) -> None:
    """Remove images and results of series that are done; failed ones stay.

    For example: `afunet node purge --older-than 30`
    """
    from afunet.node.config import DAY_S
    from afunet.node.purge import purge as run

    home = _opened(context, config)
    removed = run(home, older_than * DAY_S)
    print_lines((f"removed {removed.series} series with {removed.images} images",))


app.callback(invoke_without_command=True)(at_the_door(node))
for command in (status, retry, purge):
    app.command()(at_the_door(command))


def _run(path: Path) -> None:
    from afunet.node.config import load_config
    from afunet.node.health import showing_health
    from afunet.node.run import running

    config = load_config(path)
    with running(config, path) as parts, showing_health(config, parts):
        parts.run()


def _opened(context: typer.Context, config: Path | None) -> Home:
    """Return a node's folder; refuses one in which no node has run."""
    from afunet.node.config import load_config
    from afunet.node.home import Home

    home = Home(Path(load_config(config or context.obj or DEFAULT).data))
    if not home.database.is_file():
        raise ConfigError(
            f"no node has run in {home.path}: start it with afunet node --config", code="NO_NODE"
        )
    return home
