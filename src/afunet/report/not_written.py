"""A result that is missing, and why."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NotWritten:
    """A result that was asked for and could not be written: its format, why, the fault's code."""

    format: str
    reason: str
    code: str
