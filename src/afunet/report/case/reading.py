"""Read a written report again: its facts from the JSON, the pictures of flags from the page."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache, lru_cache
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from afunet.report.case.facts import Report

FLAG_PICTURE = re.compile(
    r'<figure class="\w+">(?:<img src="data:image/png;base64,([^"]*)"[^>]*>)?<figcaption>'
)


@lru_cache(maxsize=1)
def report_of_json(text: str) -> Report:
    """Return the facts that `Report.to_json` wrote, without the pieces.

    Raises `ValueError`, `KeyError` or `TypeError` for any other text.
    """
    found = _value(Report, {**json.loads(text), "pieces": []})
    assert isinstance(found, Report)
    return found


def flag_pictures_of(page: str) -> tuple[bytes, ...]:
    """Return the PNG of each flag on a page that `render_page` made, b"" for one without."""
    return tuple(base64.b64decode(found) for found in FLAG_PICTURE.findall(page))


_hints = cache(get_type_hints)


def _value(kind: Any, value: Any) -> Any:
    """Return JSON as a value of a type that the facts use."""
    if value is None:
        return None
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return _value(next(part for part in parts if part is not type(None)), value)
    if isinstance(kind, type) and is_dataclass(kind):
        hints = _hints(kind)
        known = [field.name for field in fields(kind) if field.name in value]
        return kind(**{name: _value(hints[name], value[name]) for name in known})
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    if origin is tuple or origin is Sequence:
        return tuple(_value(parts[0], one) for one in value)
    if origin is Mapping:
        return dict(value)
    return value
