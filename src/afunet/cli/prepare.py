"""The command `prepare`: labelled data of any layout into one training store."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from afunet.errors import ConfigError
from afunet.plan import Step
from afunet.terminal.messages import print_warning
from afunet.terminal.show import print_lines, print_table
from afunet.terminal.work import Work

if TYPE_CHECKING:
    from afunet.data.layouts.pair import LeftOut

PLAN = (Step("reading cases", share=1),)


class Export(StrEnum):
    """What a store is written as for other programs."""

    NNUNET = "nnunet"


def prepare(
    sources: Annotated[
        list[Path], typer.Argument(help="Folders of labelled data sets (docs/data.md).")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for the store.")
    ] = None,
    layout: Annotated[str, typer.Option(help="Layout of the sources; auto detects it.")] = "auto",
    split: Annotated[
        str,
        typer.Option(
            help="auto (given splits, else by patient), as-given, by-patient, perez-carrasco, or "
            "paper-8:2-by-slice."
        ),
    ] = "auto",
    val: Annotated[float, typer.Option(help="By patient: share for validation.")] = 0.15,
    test: Annotated[float, typer.Option(help="By patient: share for testing.")] = 0.15,
    seed: Annotated[int, typer.Option(help="Same seed, same split.")] = 0,
    bones: Annotated[
        list[str] | None,
        typer.Option(help="Label that is bone: a number, name, pattern, or all. May be repeated."),
    ] = None,
    classes: Annotated[
        str,
        typer.Option(help="Separate bones: name=label,name=label …, with labels as in --bones."),
    ] = "",
    fold: Annotated[
        int | None, typer.Option(help="nnU-Net: take this fold of splits_final.json.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only verify the checksums of finished stores.")
    ] = False,
    export: Annotated[
        Export | None,
        typer.Option(help="Write a finished store as raw data of nnU-Net v2 instead."),
    ] = None,
    *,
    work: Work,
) -> None:
    """Make a training store: slices in the bone window, masks and the splits.

    Pairs that cannot be used are listed and left out; the exit code is 1 only if no pair is left.

    For example:

    - `afunet prepare my-niftis/ -o store`
    - `afunet prepare knee/ thigh/ simulated/ -o store --split as-given`
    - `afunet prepare my-niftis/ -o store --classes tibia=1,fibula=2`
    - `afunet prepare --check store`
    - `afunet prepare store --export nnunet -o nnUNet_raw/Dataset001_Legs`
    """
    if check:
        _check(sources, work)
        return
    if output is None:
        raise ConfigError("give a folder for the store: -o STORE", code="NOTHING_GIVEN")
    if export is not None:
        _export(sources, output, work)
        return
    from afunet.data.layouts.pair import Choice, parse_classes
    from afunet.data.splits import SplitChoice
    from afunet.workflows.prepare import NothingUsable, PrepareOptions
    from afunet.workflows.prepare import prepare as run

    options = PrepareOptions(
        layout,
        Choice(tuple(bones or ()), parse_classes(classes), fold),
        SplitChoice(split, seed, val, test),
    )
    work.follow(PLAN)
    try:
        done = run(sources, output, options, watch=work.watch)
    except NothingUsable as error:
        _print_left_out(error.left_out)
        raise
    _print_left_out(done.left_out)
    for warning in done.warnings:
        print_warning(warning)
    table = Table()
    for heading in ("split", "cases", "patients", "slices", "with bone"):
        table.add_column(heading, justify="left" if heading == "split" else "right")
    for item in done.counts:
        row = (item.cases, item.patients, item.slices, item.with_bone)
        table.add_row(item.split, *map(str, row))
    print_table(table)
    print_lines((f"{done.folder}: {len(done.left_out)} left out",))


def _export(stores: Sequence[Path], output: Path, work: Work) -> None:
    from afunet.workflows.nnunet_export import STAGE, export_nnunet

    if len(stores) != 1:
        raise ConfigError(f"--export takes one store, got {len(stores)}", code="OPTIONS_CLASH")
    work.follow((Step(STAGE, share=1),))
    done = export_nnunet(stores[0], output, watch=work.watch)
    counts = ", ".join(f"{len(cases)} {split}" for split, cases in done.cases.items())
    print_lines((f"{done.folder}: cases for {counts}",))


def _check(stores: Sequence[Path], work: Work) -> None:
    from afunet.data.store import check_store

    for folder in stores:
        store = check_store(folder, work.watch)
        print_lines((f"{folder}: {len(store.entries)} slices, checksums correct",))


def _print_left_out(left_out: Sequence[LeftOut]) -> None:
    for item in left_out:
        print_warning(f"left out: {item.case}: {item.reason}")
