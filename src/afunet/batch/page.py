"""A page of all cases of a batch, the worst first, to look through in a browser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from afunet.batch.tables import Row, Tables
from afunet.jobs.job import State
from afunet.report.case.facts import DISCLAIMER
from afunet.report.pages import pages_of
from afunet.workflows.case_pages import OVERLAY, REPORT_HTML

_PAGES = pages_of("afunet.batch")


@dataclass(frozen=True)
class Entry:
    """A case as the page shows it: what to look at, and where its report and picture are."""

    case: str
    kind: str
    what: str
    details: str
    report: str
    picture: str


def render_batch(tables: Tables) -> str:
    """Return the HTML of the page. Reports and pictures are read from the folders beside it."""
    entries = [_entry(row, tables) for row in worst_first(tables.cases)]
    kinds = ("failed", "incomplete", "flagged", "fine", "waiting")
    counts = {kind: sum(entry.kind == kind for entry in entries) for kind in kinds}
    page = _PAGES.get_template("batch.html")
    return page.render(entries=entries, counts=counts, disclaimer=DISCLAIMER)


def worst_first(rows: Sequence[Row]) -> list[Row]:
    """Return cases: failed ones, then those with results missing, then by the doubt in them."""

    def badness(row: Row) -> tuple[bool, bool, float, float]:
        expected = row["expected_dice"]
        return (
            row["state"] != State.FAILED,
            not row["not_written"],
            -(row["flagged_mm3"] or 0.0),
            1.0 if expected is None else expected,
        )

    return sorted(rows, key=badness)


def _entry(row: Row, tables: Tables) -> Entry:
    folder = quote(str(row["case"]))
    if row["state"] != State.DONE:
        failure = next((one for one in tables.failures if one["case"] == row["case"]), None)
        what = f"{failure['code']}: {failure['reason']}" if failure else str(row["state"])
        return Entry(row["case"], "failed" if failure else "waiting", what, "", "", "")
    kind = "incomplete" if row["not_written"] else "flagged" if row["flags"] else "fine"
    missing = f"missing: {row['not_written']}" if row["not_written"] else ""
    what = ", ".join(filter(None, (missing, _readable(row["flags"]))))
    return Entry(
        row["case"],
        kind,
        what or "nothing flagged",
        _details(row),
        f"{folder}/{REPORT_HTML}",
        f"{folder}/{OVERLAY}",
    )


def _details(row: Row) -> str:
    shown: list[Any] = [
        f"{row['bone_cm3']:.0f} cm³ of bone" if row["bone_cm3"] is not None else "",
        f"{row['pieces']} pieces" if row["pieces"] is not None else "",
        f"{row['size_z']} slices" if row["size_z"] is not None else "",
        f"expected Dice {row['expected_dice']:.2f}" if row["expected_dice"] is not None else "",
    ]
    return " · ".join(filter(None, shown))


def _readable(codes: str) -> str:
    return ", ".join(code.lower().replace("_", " ") for code in codes.split())
