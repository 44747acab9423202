"""Read names of labels from JSON: `{"1": "femur left"}`, or such a table for each label file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from afunet.errors import InputError
from afunet.formats.text_files import read_json

LABEL_NAMES = "labels.json"
"""Its name beside the label files."""


def read_label_names(path: Path, table: str = "") -> dict[int, str]:
    """Read labels and their names; `table` is the key of a table if the file holds several.

    `afunet phantom` writes such a `labels.json`, with a table for `bones` and one for `fragments`.
    Empty if the file has tables but not this one. Raises `InputError` for any other file.
    """
    content = read_json(path)
    if isinstance(content, dict):
        if content and all(isinstance(value, dict) for value in content.values()):
            content = content.get(table, {})
        if all(_is_name(key, value) for key, value in content.items()):
            return {int(key): value for key, value in content.items()}
    raise InputError(
        f'{path.name} is not a table of label names, expected {{"1": "femur left", …}}',
        code="BAD_DESCRIPTION",
    )


def _is_name(key: str, value: Any) -> bool:
    return key.isdecimal() and isinstance(value, str) and bool(value.strip())
