"""Compare the landmarks of `measures.json` with marks that people made."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afunet.anatomy.bones import Side
from afunet.errors import InputError
from afunet.evaluation.landmarks import LandmarkScore, score_landmarks
from afunet.whole_file import whole_file

SIDE_OF = "_side"
SIDES = {"l": Side.LEFT, "left": Side.LEFT, "r": Side.RIGHT, "right": Side.RIGHT}
COLUMNS = ("bone", "landmark", "found_mm", "rater_mm", "raters")
Scores = Mapping[str, tuple[LandmarkScore, ...]]


def evaluate_landmarks(measures: Path, truth: Path) -> dict[str, tuple[LandmarkScore, ...]]:
    """Score the landmarks of each marked bone; `measures` is measures.json or its folder.

    `truth` has bone → landmark → rater → marks [[x, y, z], …] in LPS mm. A bone is "left femur", or
    "femur" with a `femur_side` of "L" or "R" beside it. Raises `InputError` for other content, and
    if no marked bone is among those measured.
    """
    path = measures / "measures.json" if measures.is_dir() else measures
    found = _landmarks(path)
    marked = _marked(truth)
    if not marked.keys() & found.keys():
        raise InputError(
            f"{truth.name} marks {', '.join(marked) or 'no bone'}, but {path.name} has "
            f"{', '.join(found) or 'no bone'}: expected the same bones and sides",
            code="NO_COMMON_BONE",
        )
    return {bone: score_landmarks(found.get(bone, {}), marks) for bone, marks in marked.items()}


def write_landmark_scores(scores: Scores, path: Path) -> None:
    """Write the scores to a .json or .csv file, completely or not at all."""
    rows = [{"bone": bone, **asdict(score)} for bone, every in scores.items() for score in every]
    with whole_file(path) as unfinished:
        if path.suffix.lower() == ".json":
            unfinished.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
            return
        with unfinished.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            table.writeheader()
            table.writerows(rows)


def _landmarks(path: Path) -> dict[str, dict[str, NDArray[np.float64]]]:
    content = _read(path)
    try:
        return {
            bone: {name: _points(at["lps_mm"]).reshape(3) for name, at in landmarks.items()}
            for bone, landmarks in content["landmarks"].items()
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path.name} has no landmarks with lps_mm: expected what afunet measure writes",
            code="NOT_MEASURES",
        ) from error


def _marked(path: Path) -> dict[str, dict[str, dict[str, NDArray[np.float64]]]]:
    content = _read(path)
    try:
        return {
            _title(bone, content): {
                name: {rater: _points(points) for rater, points in raters.items()}
                for name, raters in marks.items()
            }
            for bone, marks in content.items()
            if not bone.endswith(SIDE_OF)
        }
    except (TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path.name} is no file of landmarks: expected bone → landmark → rater → a list of "
            "[x, y, z] in LPS mm",
            code="NOT_LANDMARKS",
        ) from error


def _title(bone: str, content: Mapping[str, Any]) -> str:
    side = SIDES.get(str(content.get(bone + SIDE_OF, "")).lower())
    return f"{side} {bone}" if side else bone


def _points(values: Any) -> NDArray[np.float64]:
    """Points (N, 3); missing numbers (None) are NaN."""
    return np.array(values, dtype=np.float64).reshape(-1, 3)


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"there is no {path}: give a JSON file", code="NO_SUCH_PATH") from None
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path.name} cannot be read as JSON: {type(error).__name__}", code="JSON_BROKEN"
        ) from error
    if not isinstance(content, dict):
        raise InputError(f"{path.name} holds no JSON object", code="JSON_BROKEN")
    return content
