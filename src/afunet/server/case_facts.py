"""A finished case in numbers, as the page shows it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from afunet.findings import Severity
from afunet.geometry import Volume
from afunet.report.palette import colour_of
from afunet.server.home import CaseFolder
from afunet.server.nifti_stream import ras_view
from afunet.server.view import axial, kept_scan, settled, version_of
from afunet.workflows.case_pages import REPORT_JSON

WORST_FIRST = (Severity.ERROR, Severity.WARNING, Severity.INFO)


def finished_facts(case: CaseFolder) -> dict[str, Any]:
    """Return the report, pieces, flags, confidence, grid and version of a finished case.

    Slices count from the feet, from 0, as in the volumes that are sent; `grid` is theirs, and maps
    (column, row, slice) to LPS millimetres. The confidence of a slice is the Dice expected there,
    None in slices without bone.
    """
    scan, report = kept_scan(case), report_of(case)
    ras = ras_view(scan)
    return {
        "report": report,
        "pieces": pieces_of(report),
        "flags": flags_of(report, scan),
        "confidence": confidence_of(report, ras.shape[0]),
        "grid": {
            "shape": list(ras.shape[::-1]),
            "affine": ras.affine.tolist(),
            "spacing_mm": ras.spacing_mm.tolist(),
        },
        "version": version_of(case),
    }


def report_of(case: CaseFolder) -> Mapping[str, Any]:
    """Return the written report of a case."""
    found: Mapping[str, Any] = json.loads(settled(Path(case.results / REPORT_JSON).read_bytes))
    return found


def pieces_of(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of all pieces with their colours, "#rrggbb"."""
    return [
        {**row, "colour": _hex(colour_of(row["bone"], row["rank"], row["side"]))}
        for row in report["pieces"]
    ]


def flags_of(report: Mapping[str, Any], scan: Volume) -> list[dict[str, Any]]:
    """Return the flags, the worst first, each with the slice and the place (LPS mm) to look at."""
    upright = axial(scan)
    flags = [
        {
            "code": flag["code"],
            "message": flag["message"],
            "severity": flag["severity"],
            "piece": flag["piece"],
            "slice": None if flag["slice"] is None else flag["slice"] - 1,
            "centre_mm": _centre(flag, upright),
            "doubtful_mm3": flag["doubtful_mm3"],
        }
        for flag in report["flags"]
    ]
    return sorted(
        flags,
        key=lambda flag: (WORST_FIRST.index(Severity(flag["severity"])), -flag["doubtful_mm3"]),
    )


def confidence_of(report: Mapping[str, Any], slices: int) -> list[float | None]:
    """Return the Dice expected in each slice."""
    found: list[float | None] = [None] * slices
    for one in report["confidence"]["slices"]:
        expected = one["expected_dice"]
        value = one["probability_dice"] if expected is None else expected["middle"]
        if 1 <= one["number"] <= slices:
            found[one["number"] - 1] = round(float(np.clip(value, 0.0, 1.0)), 4)
    return found


def _centre(flag: Mapping[str, Any], upright: Volume) -> Sequence[float] | None:
    if flag["slice"] is None or flag["box"] is None:
        return None
    top, left, bottom, right = flag["box"]
    middle = [(left + right - 1) / 2, (top + bottom - 1) / 2, flag["slice"] - 1]
    return [round(float(mm), 3) for mm in upright.to_mm(middle)]


def _hex(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
