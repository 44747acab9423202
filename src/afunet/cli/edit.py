"""The command `edit`: correct pieces by hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from afunet.cli.options import MaxError, MaxTriangles, Series, names_of
from afunet.errors import ConfigError, ExitCode
from afunet.terminal.show import print_files, print_lines, print_missing
from afunet.terminal.work import Work

if TYPE_CHECKING:
    from afunet.workflows.edit_list import Edit, EditList

PIECE = "its label or its name, such as 3 or 'left tibia 2'"


def edit(
    results: Annotated[
        Path, typer.Argument(help="pieces.json of reconstruct, or report.json of segment.")
    ],
    join: Annotated[
        str | None, typer.Option(help=f"Join pieces, with commas between; each by {PIECE}.")
    ] = None,
    part: Annotated[str | None, typer.Option(help=f"Part a piece, by {PIECE}.")] = None,
    seed: Annotated[
        list[str] | None,
        typer.Option(help="A point in each part, as x,y,z in LPS mm; give two or more."),
    ] = None,
    erase: Annotated[
        str | None, typer.Option(help="Remove pieces from the mask, with commas between.")
    ] = None,
    rename: Annotated[str | None, typer.Option(help="Give a piece the name --to.")] = None,
    to: Annotated[
        str | None, typer.Option(help="A bone, such as 'left tibia', pelvis or unknown.")
    ] = None,
    whole: Annotated[
        str | None,
        typer.Option(help="Pieces that may be broken, and are not: no flag says so any more."),
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take back the last correction.")] = False,
    show: Annotated[bool, typer.Option("--list", help="List the corrections.")] = False,
    scan: Annotated[
        Path | None,
        typer.Option(help="The scan of these results; DICOM results cannot be made without it."),
    ] = None,
    series: Series = None,
    max_triangles: MaxTriangles = None,
    max_error_mm: MaxError = None,
    *,
    work: Work,
) -> None:
    """Join, part, erase and rename pieces; all results that follow are made again.

    --whole takes back FRACTURE_SUSPECTED without a change of the pieces.

    Corrections are listed in edits.json. Everything that they replace stays in the folder
    versions, from which --undo brings it back.

    For example:

    - `afunet edit out/report.json --join 2,5`
    - `afunet edit out/report.json --part 1 --seed -31,12,80 --seed -28,15,41`
    - `afunet edit out/report.json --rename 4 --to 'left fibula'`
    - `afunet edit out/report.json --undo`
    """
    from afunet.formats.readers import read_scan
    from afunet.workflows.edit import PLAN
    from afunet.workflows.edit import edit as make
    from afunet.workflows.edit import undo as take_back
    from afunet.workflows.edited_folder import edits_of

    given = {"join": join, "part": part, "erase": erase, "rename": rename, "whole": whole}
    _require_one([*(name for name, value in given.items() if value is not None)], undo, show)
    if show:
        print_lines(_lines(edits_of(results)))
        return
    work.follow(PLAN)
    if undo:
        done = take_back(results, watch=work.watch)
    else:
        correction = _edit(results, given, seed or [], to)
        image = None if scan is None else read_scan(scan, series=series, watch=work.watch)
        done = make(
            results,
            [correction],
            scan=image,
            max_triangles=max_triangles,
            max_error_mm=max_error_mm,
            watch=work.watch,
        )
    print_lines(_lines(done.edits))
    print_files(done.files)
    print_missing(done.not_written)
    if done.not_written:
        raise typer.Exit(ExitCode.INCOMPLETE)


def _require_one(corrections: list[str], undo: bool, show: bool) -> None:
    named = [*corrections, *(["undo"] if undo else []), *(["list"] if show else [])]
    if len(named) != 1:
        listed = ", ".join(f"--{name}" for name in named) or "none"
        raise ConfigError(
            f"got {listed}, expected one of --join, --part, --erase, --rename, "
            "--whole, --undo, --list",
            code="OPTIONS_CLASH" if named else "NOTHING_GIVEN",
        )


def _edit(results: Path, given: dict[str, str | None], seeds: list[str], to: str | None) -> Edit:
    from afunet.workflows.edit_list import Edit, EditKind
    from afunet.workflows.edited_folder import labels_of

    (kind, pieces), *_ = (
        (EditKind(name), text) for name, text in given.items() if text is not None
    )
    if seeds and kind is not EditKind.PART:
        raise ConfigError(f"--seed goes with --part, not with --{kind}", code="OPTIONS_CLASH")
    if (to is None) == (kind is EditKind.RENAME):
        raise ConfigError("--rename and --to go together", code="OPTIONS_CLASH")
    labels = labels_of(results, names_of(pieces))
    return Edit(kind, labels, tuple(_point(seed) for seed in seeds), to or "")


def _point(text: str) -> tuple[float, float, float]:
    try:
        x, y, z = (float(value) for value in text.split(","))
    except ValueError:
        raise ConfigError(f"the seed {text!r} is no point: give x,y,z in LPS mm") from None
    return x, y, z


def _lines(edits: EditList) -> list[str]:
    lines = [f"{one.step}  {one.when}  {one.edit}" for one in edits.edits]
    return lines or ["no corrections"]
