"""A comparison as one HTML file that opens offline: all tables, tests and pictures."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from afunet.evaluation.published import PublishedScores
from afunet.report.comparison import tables
from afunet.report.comparison.facts import ComparisonFacts
from afunet.report.pages import pages_of

_PAGES = pages_of("afunet.report.comparison")


def comparison_page(facts: ComparisonFacts, pictures: Mapping[str, bytes]) -> str:
    """Return the HTML with the PNG `pictures` inside; one that is missing is left out."""
    published = {row.paper for table in facts.tables for row in table.rows if row.paper is not None}
    embedded = {
        name.partition(".")[0]: "data:image/png;base64," + base64.b64encode(png).decode()
        for name, png in pictures.items()
        if png
    }
    return _PAGES.get_template("page.html").render(
        facts=facts,
        tables=tables,
        pictures=embedded,
        without_valley=sum(level is None for level in facts.data.joint_levels.values()),
        paper=tables.printed_by_the_paper(facts.tables),
        paper_rows=len(published),
        pooled_rows=sum(map(_fits, published)),
    )


def _fits(paper: PublishedScores) -> bool:
    """Return whether Dice and IoU, each rounded to 0.01, can come from the same pooled counts."""
    return abs(paper.iou - paper.pooled_iou) <= 0.015
