"""How sure each slice is, as one strip of bars: an SVG that stands in the page itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from afunet.formats.findings import Severity
from afunet.report.facts import FlagFacts, SliceConfidenceFacts

WIDTH, HEIGHT, FOOT = 1100, 64, 24
FLOOR = 0.7  # the axis begins there: an expected Dice below it fills no bar
_SURE, _FAIR, _POOR = "#5b8c5a", "#e2a03f", "#a11f1f"
_FAIR_BELOW, _POOR_BELOW = 0.95, 0.9


def confidence_strip(
    slices: Sequence[SliceConfidenceFacts], flags: Iterable[FlagFacts] = ()
) -> str:
    """An SVG of a bar a slice, feet at the left, flagged slices marked; "" without any slice."""
    if not slices:
        return ""
    marked = {flag.slice for flag in flags if flag.severity is Severity.WARNING}
    step = WIDTH / len(slices)
    drawn = []
    for place, one in enumerate(slices):
        share = max(0.0, min(1.0, (one.expected_dice - FLOOR) / (1 - FLOOR)))
        height, left = max(2.0, share * HEIGHT), place * step
        title, colour = f"slice {one.number}: {one.expected_dice:.3f}", _colour(one.expected_dice)
        drawn.append(
            f'<rect x="{left:.1f}" y="{HEIGHT - height:.1f}" width="{max(step * 0.86, 0.8):.1f}" '
            f'height="{height:.1f}" fill="{colour}"><title>{title}</title></rect>'
        )
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
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT + FOOT + 4}" role="img" '
        f'aria-label="expected Dice of each slice" font-size="12">{"".join(drawn)}{ends}</svg>'
    )


def _colour(expected_dice: float) -> str:
    if expected_dice < _POOR_BELOW:
        return _POOR
    return _FAIR if expected_dice < _FAIR_BELOW else _SURE
