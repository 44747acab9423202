"""What a simulated leg says of the simulator that made it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from afunet.data.layouts.pair import Choice
from afunet.data.layouts.simulated import pairs

from .conftest import Leg, simulated


@pytest.mark.parametrize(
    ("labels", "version"),
    [
        ({"simulator": {"version": 7, "seed": 3}, "bones": {"1": "femur left"}}, "7"),
        ({"bones": {"1": "femur left"}}, ""),
        ({"simulator": {"version": "Jane Doe"}}, ""),
        ([1, 2], ""),
        (None, ""),
    ],
)
def test_the_version_is_told_where_labels_json_has_one(
    tmp_path: Path, leg: Callable[..., Leg], labels: object, version: str
) -> None:
    simulated(tmp_path, [leg(1)])
    if labels is not None:
        (tmp_path / "leg1" / "labels.json").write_text(json.dumps(labels))
    (pair,) = pairs(tmp_path, Choice()).pairs
    assert pair.given.simulator == version
    assert pair.given.status == "exact"
