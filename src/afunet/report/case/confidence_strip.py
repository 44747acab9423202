"""The expected Dice of each slice as a strip of bars: an SVG inside the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from afunet.findings import Severity
from afunet.report.case.facts import FlagFacts, SliceConfidenceFacts

WIDTH, HEIGHT, FOOT = 1100, 64, 24
FLOOR = 0.7  # the axis begins here: a lower Dice gives an empty bar
_SURE, _FAIR, _POOR, _UNKNOWN, _LINE = "#5b8c5a", "#e2a03f", "#a11f1f", "#b5bdc7", "#222b36"
_FAIR_BELOW, _POOR_BELOW = 0.95, 0.9


def confidence_strip(
    slices: Sequence[SliceConfidenceFacts], flags: Iterable[FlagFacts] = ()
) -> str:
    """Return an SVG with a bar for each slice, feet at the left; "" without any slice.

    Slices with a warning are marked. A bar reaches to the most likely Dice, and a line in it from
    the lowest to the highest expected one. Without an expected Dice the bars are grey and have no
    number: they show only which slices are more certain than others.
    """
    if not slices:
        return ""
    marked = {flag.slice for flag in flags if flag.severity is Severity.WARNING}
    step = WIDTH / len(slices)
    drawn = []
    for place, one in enumerate(slices):
        left = place * step
        drawn.append(_bar(one, left, step))
        if one.number in marked:
            middle = left + step * 0.43
            drawn.append(
                f'<path d="M{middle - 4:.1f} {HEIGHT + 9} h8 l-4 -7 z" fill="{_POOR}">'
                f"<title>flagged: slice {one.number}</title></path>"
            )
    ends = (
        f'<text x="0" y="{HEIGHT + FOOT}">slice {slices[0].number}</text>'
        f'<text x="{WIDTH}" y="{HEIGHT + FOOT}" text-anchor="end">slice {slices[-1].number}</text>'
    )
    known = any(one.expected_dice for one in slices)
    label = "expected Dice of each slice" if known else "confidence of the network in each slice"
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT + FOOT + 4}" role="img" '
        f'aria-label="{label}" font-size="12">{"".join(drawn)}{ends}</svg>'
    )


def _bar(one: SliceConfidenceFacts, left: float, step: float) -> str:
    """Return a slice's bar, and the line of its interval if it is known."""
    expected, width = one.expected_dice, max(step * 0.86, 0.8)
    dice = one.probability_dice if expected is None else expected.middle
    height = max(2.0, HEIGHT - _depth(dice))
    title = f"slice {one.number}" if expected is None else f"slice {one.number}: {expected}"
    colour = _UNKNOWN if expected is None else _colour(dice)
    bar = (
        f'<rect x="{left:.1f}" y="{HEIGHT - height:.1f}" width="{width:.1f}" '
        f'height="{height:.1f}" fill="{colour}"><title>{title}</title></rect>'
    )
    if expected is None:
        return bar
    return bar + (
        f'<line x1="{left + width / 2:.1f}" x2="{left + width / 2:.1f}" '
        f'y1="{_depth(expected.low):.1f}" y2="{_depth(expected.high):.1f}" '
        f'stroke="{_LINE}" stroke-width="{min(1.5, width / 2):.1f}"/>'
    )


def _depth(dice: float) -> float:
    """Return how far a Dice lies below the strip's upper edge."""
    return HEIGHT * (1 - max(0.0, min(1.0, (dice - FLOOR) / (1 - FLOOR))))


def _colour(dice: float) -> str:
    if dice < _POOR_BELOW:
        return _POOR
    return _FAIR if dice < _FAIR_BELOW else _SURE
