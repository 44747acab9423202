"""Measure the bones of a scan or of surfaces, and write `measures.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afunet.anatomy.names import BoneName
from afunet.landmarks.bones import measured_bone
from afunet.landmarks.results import Definition, Line
from afunet.landmarks.spread import Spread
from afunet.plan import Step
from afunet.watch import UNWATCHED, Watch
from afunet.workflows.measure_bones import read_bones
from afunet.workflows.staging import check_writable, staged_folder

MEASURES_JSON = "measures.json"
READING, MEASURING = "reading", "measuring"
PLAN = (Step(READING, share=0.2), Step(MEASURING, share=1))
INTERVALS = (
    "sd_mm and interval (plus and minus two SD): six surfaces drawn anew with a roughness of "
    "0.4 mm; people who mark the same landmarks differ by more"
)


@dataclass(frozen=True, eq=False)
class LegMeasures:
    """What was found, by the bone with its side ("left femur"), and the file."""

    bones: Mapping[BoneName, Spread]
    file: Path


def measure(source: Path, folder: Path, *, watch: Watch = UNWATCHED) -> LegMeasures:
    """Write landmarks, axes and angles of the named bones at `source` into `measures.json`.

    `source` is what `read_bones` reads. What a bone does not show is listed with the reason. Raises
    `InputError` if no bone is named, and `OutputError` if the file cannot be written.
    """
    check_writable(folder, "measure", (MEASURES_JSON,))
    watch.tell(READING, 0, 1)
    bones = read_bones(source, watch)
    watch.tell(READING, 1, 1)
    found: dict[BoneName, Spread] = {}
    for done, ((bone, side), parts) in enumerate(bones.items()):
        watch.check()
        watch.tell(MEASURING, done, len(bones))
        found[BoneName(bone, side)] = measured_bone(bone, side, parts)
    watch.tell(MEASURING, len(bones), len(bones))
    with staged_folder(folder, "measure") as stage:
        text = json.dumps(to_json(found), indent=2, allow_nan=False, ensure_ascii=False)
        (stage / MEASURES_JSON).write_text(text + "\n", encoding="utf-8")
    return LegMeasures(found, folder / MEASURES_JSON)


def to_json(bones: Mapping[BoneName, Spread]) -> dict[str, Any]:
    """Everything found as plain values: positions and directions in LPS, mm and degrees."""
    return {
        "frame": "LPS, mm",
        "intervals": INTERVALS,
        "landmarks": {str(name): _landmarks(spread) for name, spread in bones.items()},
        "axes": {
            str(name): {title: _axis(line) for title, line in spread.found.axes.items()}
            for name, spread in bones.items()
        },
        "angles": [row for name, spread in bones.items() for row in _measures(name, spread)],
    }


def _landmarks(spread: Spread) -> dict[str, Any]:
    return {
        name: {"lps_mm": _rounded(point), "sd_mm": round(spread.sd_mm[name], 3)}
        for name, point in spread.found.landmarks.items()
    }


def _axis(line: Line) -> dict[str, Any]:
    return {"point_lps_mm": _rounded(line.point_mm), "direction_lps": _rounded(line.direction, 6)}


def _measures(name: BoneName, spread: Spread) -> list[dict[str, Any]]:
    shown = [
        _about(name, definition)
        | {"value": round(value, 3), "interval": _interval(spread, definition)}
        for definition, value in spread.found.measures.items()
    ]
    missing = [
        _about(name, definition) | {"value": None, "not_shown": reason}
        for definition, reason in spread.found.missing.items()
    ]
    return [*shown, *missing]


def _about(name: BoneName, definition: Definition) -> dict[str, Any]:
    return {
        "name": definition.name,
        "bone": str(name.bone),
        "side": name.side or "",
        "definition": definition.words,
        "unit": definition.unit,
    }


def _interval(spread: Spread, definition: Definition) -> list[float] | None:
    interval = spread.intervals.get(definition)
    return None if interval is None else [round(end, 3) for end in interval]


def _rounded(values: NDArray[np.float64], digits: int = 3) -> list[float]:
    return [round(float(value), digits) for value in values]
