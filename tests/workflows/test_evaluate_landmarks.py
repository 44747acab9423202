import csv
import json
from pathlib import Path
from typing import Any

import pytest
from tests.refusals import refused
from typer.testing import CliRunner

from afunet.cli import app
from afunet.errors import ConfigError, InputError
from afunet.faults import code_of
from afunet.workflows.evaluate_landmarks import evaluate_landmarks

MEASURES = {"landmarks": {"left femur": {"tip": {"lps_mm": [3, 4, 0], "sd_mm": 0.1}}}}
RATERS = {
    "femur_side": "L",
    "femur": {"tip": {"1": [[0, 0, 0], [None] * 3]}, "end": {"1": [[0, 0, 1]]}},
}


def write(folder: Path, **files: Any) -> None:
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))


def test_marks_are_compared_bone_by_bone_and_written(tmp_path: Path) -> None:
    write(tmp_path, measures=MEASURES, raters=RATERS)
    table = tmp_path / "scores.csv"
    shown = CliRunner().invoke(
        app,
        ["evaluate", str(tmp_path), "--landmarks", str(tmp_path / "raters.json"), "-o", str(table)],
    )
    assert shown.exit_code == 0, shown.output
    assert "5.00" in shown.output
    assert "1 of 2" in shown.output
    with table.open(newline="") as file:
        rows = {row["landmark"]: row for row in csv.DictReader(file)}
    assert rows["tip"]["bone"] == "left femur"
    assert float(rows["tip"]["found_mm"]) == pytest.approx(5)
    assert rows["end"]["found_mm"] == ""


@pytest.mark.parametrize(
    ("measures", "raters", "code"),
    [
        ({"landmarks": {"right femur": {}}}, RATERS, "NO_COMMON_BONE"),
        ({"angles": []}, RATERS, "NOT_MEASURES"),
        (MEASURES, {"femur": {"tip": {"1": [[0, 0]]}}}, "NOT_LANDMARKS"),
        (MEASURES, [1], "JSON_BROKEN"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, measures: Any, raters: Any, code: str) -> None:
    write(tmp_path, measures=measures, raters=raters)
    with refused(InputError, code):
        evaluate_landmarks(tmp_path / "measures.json", tmp_path / "raters.json")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    write(tmp_path, raters=RATERS)
    with refused(InputError, "NO_SUCH_PATH"):
        evaluate_landmarks(tmp_path, tmp_path / "raters.json")


def test_landmarks_beside_another_truth_are_refused(tmp_path: Path) -> None:
    given = ["evaluate", str(tmp_path), "--landmarks", "raters.json", "--data", str(tmp_path)]
    shown = CliRunner().invoke(app, given)
    assert isinstance(shown.exception, ConfigError)
    assert code_of(shown.exception) == "OPTIONS_CLASH"
