"""What a case writes and what must come of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Write = Callable[[Path], None]


@dataclass(frozen=True)
class Same:
    """The same bone in millimetres as the plain case, on so many slices where that is certain.

    `between_mm` limits the comparison to heights of the leg, for scans that show no more of it.
    """

    slices: int | None = None
    between_mm: tuple[float, float] | None = None


@dataclass(frozen=True)
class Refused:
    """A refusal with this code."""

    code: str


Expected = Same | Refused


@dataclass(frozen=True)
class Case:
    """A form of the leg: `write` fills an empty folder, `read` is the path in it that is read.

    `expect` is what comes by default, `strict` with `--strict`; `findings` are codes that the
    default run must report.
    """

    write: Write
    expect: Expected
    strict: Expected
    findings: tuple[str, ...] = ()
    read: str = ""


def same(write: Write, slices: int | None = None, *findings: str, read: str = "") -> Case:
    """Read alike by default and strictly, perhaps with findings."""
    return Case(write, Same(slices), Same(slices), findings, read)


def doubtful(write: Write, slices: int | None, code: str, *findings: str) -> Case:
    """Read, or mended, with a finding by default; refused strictly with its code."""
    return Case(write, Same(slices), Refused(code), (code, *findings))


def refused(write: Write, code: str, read: str = "") -> Case:
    """Refused in either way."""
    return Case(write, Refused(code), Refused(code), (), read)
