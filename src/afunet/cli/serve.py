"""The command `serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from afunet.extras import require_extra
from afunet.terminal.show import print_lines

NEEDED = ("fastapi", "uvicorn", "python_multipart")


def serve(
    host: Annotated[
        str, typer.Option(help="Where to listen; any but this computer's own needs a safe network.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0 takes a free one.")] = 0,
    data: Annotated[
        Path | None, typer.Option(help="Folder of uploads, cases and corrections.")
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    allow: Annotated[
        list[Path] | None,
        typer.Option(help="A folder of scans that users may read; give it again for several."),
    ] = None,
    user: Annotated[
        list[str] | None,
        typer.Option(help="Give a user a new token, and a folder; give it again for several."),
    ] = None,
    workers: Annotated[int, typer.Option(help="How many scans are segmented at a time.")] = 1,
) -> None:
    """Open a page in the browser where scans are segmented, looked at and corrected.

    Prints an address with a token for each user: whoever has it sees that user's cases. Users of
    an earlier start keep their tokens. Ctrl-C ends the server; the work at hand goes on when it is
    started again with the same --data.

    For example:

    - `afunet serve --open`
    - `afunet serve --data /srv/afunet --allow /srv/scans --port 8080`
    - `afunet serve --data /srv/afunet --user ann --user ben`
    """
    for package in NEEDED:
        require_extra(package)
    from platformdirs import user_data_path

    from afunet.server.serve import ServeOptions, serving

    options = ServeOptions(
        data or user_data_path("afunet", appauthor=False) / "serve",
        host,
        port,
        tuple(folder.absolute() for folder in allow or ()),
        tuple(user or ()),
        workers,
    )
    with serving(options) as server:
        several = len(server.addresses) > 1
        print_lines(
            f"{address.user}  {address.link}" if several else address.link
            for address in server.addresses
        )
        if open_page:
            import webbrowser

            webbrowser.open(server.addresses[0].link)
        server.run()
