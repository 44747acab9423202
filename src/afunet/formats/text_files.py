"""Read text files as programs save them: UTF-8, UTF-16 or UTF-32, with or without a BOM."""

from __future__ import annotations

import codecs
import json
from pathlib import Path
from typing import Any

from afunet.errors import InputError
from afunet.formats.file_search import unreadable

# Longest first: the byte-order mark of UTF-32 begins with that of UTF-16.
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def read_text(path: Path) -> str:
    """Read a text file in UTF-8 or as its byte-order mark says; `InputError` if impossible."""
    content = _bytes(path)
    encoding = next((name for mark, name in MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8 text: save it as UTF-8", code="BAD_TEXT") from None


def read_json(path: Path) -> Any:
    """Read a JSON file in UTF-8, UTF-16 or UTF-32; `InputError` for anything else."""
    try:
        return json.loads(_bytes(path))  # detects the encoding by itself
    except ValueError as reason:  # undecodable bytes too
        where = f" ({reason})" if isinstance(reason, json.JSONDecodeError) else ""
        raise InputError(
            f"{path} is not JSON{where}: save it as JSON in UTF-8", code="BAD_TEXT"
        ) from None


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as reason:
        raise unreadable(path, reason) from None
