"""A missing result and the reason."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NotWritten:
    """A requested result that could not be written: its name, the reason and the error's code."""

    format: str
    reason: str
    code: str
