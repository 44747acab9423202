"""All cases of the suite, by the name under which they are printed."""

from __future__ import annotations

from . import (
    cases_archives,
    cases_files,
    cases_geometry,
    cases_headers,
    cases_order,
    cases_pixels,
    cases_series,
    cases_torn,
    cases_values,
)
from .case import Case

THEMES = (
    cases_order,
    cases_geometry,
    cases_pixels,
    cases_values,
    cases_files,
    cases_series,
    cases_archives,
    cases_headers,
    cases_torn,
)

CASES: dict[str, Case] = {name: case for theme in THEMES for name, case in theme.CASES.items()}
assert len(CASES) == sum(len(theme.CASES) for theme in THEMES), "two cases have one name"
