"""The files of measures: JSON with everything, a table, and markups for 3D Slicer."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afunet.landmarks.results import Definition, FloatArray, Line, Part
from afunet.landmarks.spread import Spread


@dataclass(frozen=True, eq=False)
class Measures:
    """What was found, by bone and leg, and codes of flags of the results that make it doubtful."""

    parts: Mapping[Part, Spread]
    flags: tuple[str, ...] = ()


INTERVALS = (
    "sd_mm and interval (plus and minus two SD): six surfaces drawn anew with a roughness of "
    "0.4 mm; people who mark the same landmarks differ by more"
)
COLUMNS = ("side", "bone", "name", "value", "unit", "low", "high", "not_shown", "definition")
MARKUPS_SCHEMA = (
    "https://raw.githubusercontent.com/Slicer/Slicer/main/Modules/Loadable/Markups/Resources/"
    "Schema/markups-schema-v1.0.3.json#"
)


def to_json(measures: Measures) -> dict[str, Any]:
    """Everything found as plain values: positions and directions in LPS, mm and degrees."""
    parts = measures.parts
    return {
        "frame": "LPS, mm",
        "flags": list(measures.flags),
        "intervals": INTERVALS,
        "landmarks": {
            str(part): _landmarks(spread) for part, spread in parts.items() if part.is_bone
        },
        "axes": {
            str(part): {title: _axis(line) for title, line in spread.found.axes.items()}
            for part, spread in parts.items()
            if part.is_bone
        },
        "angles": [row for part, spread in parts.items() for row in measure_rows(part, spread)],
    }


def measure_rows(part: Part, spread: Spread) -> list[dict[str, Any]]:
    """A row for each measure of a bone or leg: shown, or `not_shown` with the reason."""
    shown = [
        _about(part, definition)
        | {"value": round(value, 3), "interval": _interval(spread, definition)}
        for definition, value in spread.found.measures.items()
    ]
    missing = [
        _about(part, definition) | {"value": None, "not_shown": reason}
        for definition, reason in spread.found.missing.items()
    ]
    return [*shown, *missing]


def write_measures_json(measures: Measures, path: Path) -> None:
    """Write everything found."""
    text = json.dumps(to_json(measures), indent=2, allow_nan=False, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def write_measures_csv(measures: Measures, path: Path) -> None:
    """Write a row for each measure."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS, extrasaction="ignore", lineterminator="\n")
        table.writeheader()
        for part, spread in measures.parts.items():
            for row in measure_rows(part, spread):
                low, high = row.get("interval") or (None, None)
                table.writerow(row | {"low": low, "high": high})


def write_markups(measures: Measures, path: Path) -> None:
    """Write the landmarks as point lists for 3D Slicer, one a bone, in LPS mm."""
    markups = [
        {
            "type": "Fiducial",
            "name": str(part),
            "coordinateSystem": "LPS",
            "coordinateUnits": "mm",
            "locked": True,
            "controlPoints": [
                {
                    "id": str(number),
                    "label": name,
                    "position": _rounded(point),
                    "positionStatus": "defined",
                }
                for number, (name, point) in enumerate(spread.found.landmarks.items(), 1)
            ],
        }
        for part, spread in measures.parts.items()
        if spread.found.landmarks
    ]
    content = {"@schema": MARKUPS_SCHEMA, "markups": markups}
    text = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


MEASURE_WRITERS: Mapping[str, Callable[[Measures, Path], None]] = {
    "measures.json": write_measures_json,
    "measures.csv": write_measures_csv,
    "landmarks.mrk.json": write_markups,
}


def _landmarks(spread: Spread) -> dict[str, Any]:
    return {
        name: {"lps_mm": _rounded(point), "sd_mm": round(spread.sd_mm[name], 3)}
        for name, point in spread.found.landmarks.items()
    }


def _axis(line: Line) -> dict[str, Any]:
    return {"point_lps_mm": _rounded(line.point_mm), "direction_lps": _rounded(line.direction, 6)}


def _about(part: Part, definition: Definition) -> dict[str, Any]:
    return {
        "name": definition.name,
        "bone": part.name,
        "side": part.side or "",
        "definition": definition.words,
        "unit": definition.unit,
    }


def _interval(spread: Spread, definition: Definition) -> list[float] | None:
    interval = spread.intervals.get(definition)
    return None if interval is None else [round(end, 3) for end in interval]


def _rounded(values: FloatArray, digits: int = 3) -> list[float]:
    return [round(float(value), digits) for value in values]
