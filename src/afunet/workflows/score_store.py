"""Scores stored beside their run and found by everything that determines them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np

from afunet.data.slices import LabelledSlice
from afunet.evaluation.overlap import Counts
from afunet.evaluation.slice_score import SliceScore
from afunet.workflows.staging import check_writable

FOLDER = "scores"


def data_digest(slices: Sequence[LabelledSlice]) -> str:
    """Return the SHA-256 of the slices' records, pixels and truth."""
    digest = hashlib.sha256()
    for item in slices:
        record = item.record
        name = f"{record.case} {record.patient} {record.level} {item.grey.shape}"
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(item.grey).tobytes())
        digest.update(np.ascontiguousarray(item.mask).tobytes())
    return digest.hexdigest()


class ScoreStore:
    """The scores of one run folder; `protocol` is everything that determines a score."""

    def __init__(self, run: Path, protocol: Mapping[str, Any]) -> None:
        text = json.dumps(protocol, sort_keys=True)
        key = hashlib.sha256(text.encode()).hexdigest()[:16]
        self.protocol = protocol
        self.path = run / FOLDER / f"{key}.json"

    def load(self) -> tuple[SliceScore, ...] | None:
        """Return the saved scores; None if there are none or the file is damaged."""
        try:
            rows = json.loads(self.path.read_text(encoding="utf-8"))["scores"]
            return tuple(_score(*row) for row in rows)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def save(self, scores: Sequence[SliceScore]) -> None:
        """Write the scores, completely or not at all."""
        check_writable(self.path.parent)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".partial")
        content = {"protocol": self.protocol, "scores": [astuple(score) for score in scores]}
        partial.write_text(json.dumps(content), encoding="utf-8")
        partial.replace(self.path)


def _score(
    case: str, patient: str, level: int, counts: Sequence[int], small: int, found: int, stray: int
) -> SliceScore:
    return SliceScore(case, patient, level, Counts(*counts), small, found, stray)
