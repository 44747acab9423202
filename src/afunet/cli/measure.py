"""The command `measure`: landmarks, axes and angles of bones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from afunet.cli.options import Output
from afunet.terminal.show import print_files, print_lines
from afunet.terminal.work import Work

UNITS = {"deg": "°", "mm": " mm", "1": ""}


def measure(
    source: Annotated[
        Path,
        typer.Argument(
            help="Results of reconstruct or segment, a folder of meshes in LPS mm, one bone each, "
            "or a label file that names its bones."
        ),
    ],
    output: Output,
    *,
    work: Work,
) -> None:
    """Find landmarks, axes and angles of legs and pelvis; write measures.json and measures.csv.

    Also landmarks.mrk.json for 3D Slicer. What the bones do not show is listed with the reason.
    Research software, not a medical device.

    For example:

    - `afunet reconstruct mask.nii.gz -o out` and then `afunet measure out -o legs`
    - `afunet measure meshes/ -o legs` with left-femur.stl and pelvis.stl in the folder
    """
    from afunet.landmarks.results import Unit
    from afunet.workflows.measure import PLAN
    from afunet.workflows.measure import measure as run

    work.follow(PLAN)
    done = run(source, output, watch=work.watch)
    for part, spread in done.parts.items():
        count = len(spread.found.landmarks)
        print_lines((f"{part}: {count} landmarks" if part.is_bone else f"{part}:",))
        print_lines(
            f"  {definition.name}: {value:.{2 if definition.unit is Unit.RATIO else 1}f}"
            f"{UNITS[definition.unit]}"
            for definition, value in spread.found.measures.items()
        )
        print_lines(
            f"  {definition.name}: not shown, {reason}"
            for definition, reason in spread.found.missing.items()
        )
    if done.flags:
        print_lines(
            (f"the results carry {', '.join(done.flags)}: measures near there may be wrong",)
        )
    print_files(done.files)
