"""What trials found on this machine, in the user's cache folder, so that each is made once.

A file answers one question: which of these ways is the fastest for these weights, on this
processor, with these versions and threads? The first answer stays: a scan gets the same mask on
every run. A file that cannot be read, or that answers another question, counts as none.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import platformdirs

from afunet.inference.cpu import Cpu
from afunet.inference.engines.runtimes import RUNTIMES
from afunet.inference.engines.ways import Way

VERSION = 1
Seconds = Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Question:
    """The question that a trial answers; `accelerator` names the GPU, "" on a CPU."""

    ways: tuple[Way, ...]
    cpu: Cpu
    weights: str
    accelerator: str = ""

    def plain(self) -> dict[str, Any]:
        """The question as plain values; its runtimes have versions."""
        return {
            "version": VERSION,
            "ways": [[way.runtime, way.device, way.arithmetic] for way in self.ways],
            "runtimes": {way.runtime: RUNTIMES[way.runtime].version for way in self.ways},
            "cpu": [self.cpu.model, sorted(self.cpu.flags), self.cpu.threads],
            "accelerator": self.accelerator,
            "weights": self.weights,
        }


def folder() -> Path:
    """The folder of the answers."""
    return platformdirs.user_cache_path("afunet", appauthor=False) / "trials"


def writable() -> bool:
    """Whether answers can be kept."""
    try:
        folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder()):
            return True
    except OSError:
        return False


def read_answer(question: Question) -> tuple[str, Seconds] | None:
    """Return the way that was chosen, as text, and the seconds of all; None if unknown."""
    asked = question.plain()
    try:
        answer = json.loads(_path(asked).read_text(encoding="utf-8"))
        chosen, seconds = str(answer["chosen"]), dict(answer["seconds"])
        timed = {str(way): float(one) for way, one in seconds.items()}
        fits = answer["question"] == asked and chosen in map(str, question.ways)
        whole = chosen in timed and all(0 <= one < inf for one in timed.values())
        return (chosen, timed) if fits and whole else None
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def keep_answer(question: Question, chosen: str, seconds: Seconds) -> None:
    """Keep an answer, unless there is one or it cannot be written; never raises `OSError`.

    Of two processes that answer at once, the first one's answer stays.
    """
    asked = question.plain()
    text = json.dumps({"question": asked, "chosen": chosen, "seconds": dict(seconds)}, indent=1)
    unfinished = ""
    try:
        with tempfile.NamedTemporaryFile(
            "w", dir=folder(), suffix=".part", delete=False, encoding="utf-8"
        ) as file:
            unfinished = file.name
            file.write(text)
        _place(Path(unfinished), question)
    except OSError:
        pass
    finally:
        if unfinished:
            Path(unfinished).unlink(missing_ok=True)


def _place(file: Path, question: Question) -> None:
    """Give a file the name of its question, unless another one holds an answer to it."""
    path = _path(question.plain())
    try:
        os.link(file, path)
    except OSError:  # the name is taken, or the file system has no links
        if read_answer(question) is None:
            os.replace(file, path)


def _path(asked: Mapping[str, Any]) -> Path:
    name = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
    return folder() / f"{name[:32]}.json"
