"""Names of labels in a JSON file: `{"1": "femur left"}`, or such a table for each label file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from afunet.errors import InputError
from afunet.formats.text_files import read_json


def read_label_names(path: Path, table: str = "") -> dict[int, str]:
    """Labels and their names; `table` picks one where the file holds several, by its key.

    That is how `afunet phantom` writes `labels.json`: a table for `bones`, one for `fragments`.
    Empty where the file has tables, but not that one. Raises `InputError` for anything else.
    """
    content = read_json(path)
    if isinstance(content, dict):
        if content and all(isinstance(value, dict) for value in content.values()):
            content = content.get(table, {})
        if all(_is_name(key, value) for key, value in content.items()):
            return {int(key): value for key, value in content.items()}
    raise InputError(
        f'{path.name} is no table of label names, expected {{"1": "femur left", …}}',
        code="BAD_DESCRIPTION",
    )


def _is_name(key: str, value: Any) -> bool:
    return key.isdecimal() and isinstance(value, str) and bool(value.strip())
