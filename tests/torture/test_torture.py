"""Every form of the leg is read as the same bone in the same millimetres, or refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from .cases import CASES
from .leg import LANDMARKS, landmarks_of
from .outcome import (
    LARGEST_LANDMARK_MM,
    LEAST_DICE,
    complaints,
    disagreements,
    outcome_of,
    plain_bone,
)
from .truth import dice, exact_bone, world_points_mm


def test_there_are_at_least_60_cases() -> None:
    assert len(CASES) >= 60


def test_the_plain_scan_is_the_analytic_leg() -> None:
    found = landmarks_of(world_points_mm(), plain_bone())

    assert dice(plain_bone(), exact_bone()) >= LEAST_DICE
    for name, centre_mm in LANDMARKS.items():
        assert abs(found[name] - centre_mm).max() <= LARGEST_LANDMARK_MM, name


def test_nothing_is_found_wrong_with_the_plain_scan(tmp_path: Path) -> None:
    CASES["plain"].write(tmp_path)

    assert outcome_of(CASES["plain"], tmp_path, strict=False).findings == ()


@pytest.mark.parametrize("name", CASES)
def test_torture(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    folder = tmp_path / "case"
    folder.mkdir()
    case.write(folder)

    default = outcome_of(case, folder, strict=False)
    strict = outcome_of(case, folder, strict=True)

    assert not complaints(default, case.expect, case.findings), "by default"
    assert not complaints(strict, case.strict, case.findings), "strictly"
    assert not disagreements(case, folder, default), "as listed"
