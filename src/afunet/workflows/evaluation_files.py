"""An evaluation as a file: everything as JSON, or the rows of its tables as CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any

from afunet.errors import ConfigError
from afunet.evaluation.fragments import fragment_means
from afunet.evaluation.statistics import Estimate
from afunet.evaluation.structures import ALL_METRICS
from afunet.whole_file import whole_file
from afunet.workflows.evaluate import Evaluation

ALL_BONE = "all bone"
FRAGMENT_COLUMNS = ("true", "found", "mm3", "iou", "is_found", "hd95_mm", "assd_mm")


def require_writable_kind(path: Path) -> None:
    """Raise `ConfigError` for a name that ends neither in .json nor in .csv."""
    if path.suffix.lower() not in EVALUATION_WRITERS:
        raise ConfigError(f"cannot write {path.name}: its name must end in .json or .csv")


def write_evaluation(evaluation: Evaluation, path: Path) -> None:
    """Write an evaluation to a .json or .csv file, completely or not at all."""
    require_writable_kind(path)
    with whole_file(path) as unfinished:
        EVALUATION_WRITERS[path.suffix.lower()](evaluation, unfinished)


def _write_json(evaluation: Evaluation, path: Path) -> None:
    content = {
        "cases": {case: _case(evaluation, case) for case in evaluation.cases},
        "means": {"interval_over": evaluation.unit, "values": _estimates(evaluation.means)},
        "structures": [
            {
                "structure": mean.structure,
                "cases": mean.cases,
                "one_sided": mean.one_sided,
                "values": _estimates(mean.values),
            }
            for mean in evaluation.structure_means
        ],
        "averages": asdict(evaluation.agreement),
        "failed": {case.name: case.reason for case in evaluation.failed},
    }
    if evaluation.classes:
        content["classes"] = {name: asdict(own) for name, own in evaluation.classes.items()}
    if evaluation.fragments:
        content["fragments"] = _estimates(fragment_means(list(evaluation.fragments.values())))
    path.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _case(evaluation: Evaluation, case: str) -> dict[str, Any]:
    content: dict[str, Any] = {ALL_BONE: _finite(_values(evaluation, case))}
    for score in evaluation.structures.get(case, ()):
        content.setdefault("structures", {})[score.structure] = _finite(score.values)
    if case in evaluation.findings:
        content["findings"] = [asdict(finding) for finding in evaluation.findings[case]]
    if case in evaluation.fragments:
        content["fragments"] = asdict(evaluation.fragments[case])
    return content


def _write_csv(evaluation: Evaluation, path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if evaluation.fragments:
            writer.writerow(["case", *FRAGMENT_COLUMNS])
            for case, score in evaluation.fragments.items():
                for match in score.matches:
                    writer.writerow([case, *(getattr(match, name) for name in FRAGMENT_COLUMNS)])
            return
        writer.writerow(["case", "structure", *ALL_METRICS])
        for case in evaluation.cases:
            rows: dict[str, Mapping[str, float]] = {ALL_BONE: _values(evaluation, case)}
            rows |= {score.structure: score.values for score in evaluation.structures.get(case, ())}
            for structure, values in rows.items():
                writer.writerow([case, structure, *(values.get(name, "") for name in ALL_METRICS)])


def _values(evaluation: Evaluation, case: str) -> dict[str, float]:
    return {**evaluation.cases[case], **evaluation.distances.get(case, {})}


def _finite(values: Mapping[str, float]) -> dict[str, float | None]:
    """Return null for infinite distances (one of the surfaces is empty): JSON has no infinity."""
    return {name: value if isfinite(value) else None for name, value in values.items()}


def _estimates(means: Mapping[str, Estimate | None]) -> dict[str, Any]:
    return {
        name: None if mean is None else {"mean": mean.value, "low": mean.low, "high": mean.high}
        for name, mean in means.items()
    }


EVALUATION_WRITERS: dict[str, Callable[[Evaluation, Path], None]] = {
    ".json": _write_json,
    ".csv": _write_csv,
}
