"""The page of measured legs: pictures with lines, and tables that put both sides side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from afunet.anatomy.bones import Bone, Side
from afunet.geometry import Mesh
from afunet.landmarks.results import Definition, Part, Unit
from afunet.landmarks.spread import Spread
from afunet.report.legs.picture import LegPicture, leg_pictures
from afunet.report.legs.projections import PROJECTIONS
from afunet.report.pages import pages_of

SHOWN = {Unit.DEGREES: "°", Unit.MILLIMETRES: " mm", Unit.RATIO: ""}
_PAGES = pages_of("afunet.report.legs")


@dataclass(frozen=True)
class Cell:
    """A value with its interval, or the reason why it is not shown."""

    value: str = ""
    interval: str = ""
    missing: str = ""


@dataclass(frozen=True)
class Row:
    """A measure with its definition and its cell for each column."""

    name: str
    definition: str
    cells: Mapping[str, Cell]


@dataclass(frozen=True)
class Table:
    """The measures of one kind of part."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def legs_page(
    parts: Mapping[Part, Spread],
    meshes: Mapping[tuple[Bone, Side | None], Mesh],
    flags: Sequence[str] = (),
) -> str:
    """Return HTML that loads nothing: pictures of each leg, and a table for each bone and leg.

    `flags` are codes that make the measures doubtful.
    """
    return _PAGES.get_template("page.html").render(
        pictures={side: _pictures(parts, meshes, side) for side in Side},
        tables=tables_of(parts),
        flags=flags,
    )


def tables_of(parts: Mapping[Part, Spread]) -> tuple[Table, ...]:
    """Return a table for each name of a part, its sides as columns."""
    names = dict.fromkeys(part.name for part in parts)
    return tuple(
        _table(name, {part: one for part, one in parts.items() if part.name == name})
        for name in names
    )


def _table(name: str, parts: Mapping[Part, Spread]) -> Table:
    columns = {part: str(part.side or "value") for part in parts}
    definitions = dict.fromkeys(
        definition
        for spread in parts.values()
        for definition in (*spread.found.measures, *spread.found.missing)
    )
    rows = tuple(
        Row(
            definition.name,
            definition.words,
            {columns[part]: _cell(spread, definition) for part, spread in parts.items()},
        )
        for definition in definitions
    )
    return Table(name, tuple(columns.values()), rows)


def _cell(spread: Spread, definition: Definition) -> Cell:
    value = spread.found.measures.get(definition)
    if value is None:
        return Cell(missing=spread.found.missing.get(definition, ""))
    digits = 2 if definition.unit is Unit.RATIO else 1
    interval = spread.intervals.get(definition)
    return Cell(
        f"{value:.{digits}f}{SHOWN[definition.unit]}",
        "" if interval is None else " to ".join(f"{end:.{digits}f}" for end in interval),
    )


def _pictures(
    parts: Mapping[Part, Spread], meshes: Mapping[tuple[Bone, Side | None], Mesh], side: Side
) -> list[LegPicture]:
    of_side = {part.name: spread.found for part, spread in parts.items() if part.side is side}
    leg = {bone: of_side[bone] for bone in Bone if bone in of_side}
    own = {bone: mesh for (bone, its), mesh in meshes.items() if its is side}
    return leg_pictures(PROJECTIONS, leg, own, side)
