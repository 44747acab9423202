"""Kill the server, or the processes of its work, at random moments; count what was lost."""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.bench import print_heading, print_row
from benchmarks.serve_parts.program import (
    Program,
    begun,
    ended,
    killed,
    renamed,
    started,
    uploaded,
)

USER = "bench"
LONGEST_WAIT_S = 4.0
NAMES = ("left femur", "left tibia")


@dataclass(eq=False)
class _Acknowledged:
    """What the server said that it had: cases, the last correction, the last upload."""

    cases: list[str] = field(default_factory=list)
    version: str = ""
    upload: str = ""
    uploads: int = 0
    corrections_lost: int = 0
    uploads_lost: int = 0


def print_kills(scan: bytes, data: Path, kills: int) -> None:
    """Kill after each case, correction and upload that was acknowledged."""
    chance, known = random.Random(0), _Acknowledged()
    with started(data, [USER]) as program, program.client(USER) as client:
        first = begun(client, scan)
        assert ended(client, first)["state"] == "done"
    for number in range(kills):
        with started(data, [USER]) as program:
            _worked(program, scan, first, known, NAMES[number % 2])
            time.sleep(chance.uniform(0, LONGEST_WAIT_S))
            for pid in program.children() if number % 2 else [program.process.pid]:
                killed(pid)
    with started(data, [USER]) as program, program.client(USER) as client:
        _look(program, first, known)
        states = Counter(_end_of(program, case) for case in known.cases)
        listed = [one["case"] for one in client.get("/api/cases").json()]
    assert Counter(listed) == Counter([first, *known.cases]), "a case was lost or made twice"
    assert states["done"] + states["tried again"] == len(known.cases), states
    assert known.corrections_lost == known.uploads_lost == 0, known
    print_heading("kills", "cases:", "done:", "after 3 kills:", "corrections:", "uploads:", "lost:")
    print_row(
        kills, len(known.cases), states["done"], states["tried again"], kills, known.uploads, 0
    )


def _worked(program: Program, scan: bytes, first: str, known: _Acknowledged, name: str) -> None:
    """See what is left of the round before; begin a case, correct, upload."""
    version = _look(program, first, known)
    with program.client(USER) as client:
        known.cases.append(begun(client, scan))
        known.version = renamed(client, first, version, name)
        known.upload = uploaded(client, scan)
        known.uploads += 1


def _look(program: Program, first: str, known: _Acknowledged) -> str:
    with program.client(USER) as client:
        version = str(client.get(f"/api/cases/{first}").json()["version"])
        known.corrections_lost += known.version not in ("", version)
        if known.upload:
            told = client.post(f"/api/uploads/{known.upload}/complete")
            known.uploads_lost += told.status_code != 200
            client.delete(f"/api/uploads/{known.upload}")
    return version


def _end_of(program: Program, case: str) -> str:
    """Wait for a case; one that three kills met is given up, and done when it is tried again."""
    with program.client(USER) as client:
        shown = ended(client, case)
        if shown["state"] == "failed" and shown["failure"]["code"] == "WORKER_LOST":
            client.post(f"/api/cases/{case}/retry").raise_for_status()
            return "tried again" if ended(client, case)["state"] == "done" else "failed"
        return str(shown["state"])
