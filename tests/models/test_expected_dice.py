"""An interval from signs of doubt, kept beside the weights that it was fitted for."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.refusals import refused

from afunet.errors import CheckpointError
from afunet.models.checkpoint import load_checkpoint, save_checkpoint
from afunet.models.expected_dice import (
    SUFFIX,
    DiceModel,
    model_beside,
    read_model,
    write_model,
)
from afunet.models.shipped import shipped_path

# Errors of a slice whose signs are e^a and e^b: twice, once and half of e^a.
MODEL = DiceModel(
    sha256="ab" * 32,
    coverage=0.8,
    best=0.99,
    signs=("unsure", "noise"),
    lines=((float(np.log(2)), 1.0, 0.0), (0.0, 1.0, 0.0), (-float(np.log(2)), 1.0, 0.0)),
    factors=(1.5, 1.0, 0.5),
    usual=(-4.0, 3.0),
    most=(-2.0, 4.0),
)


def test_an_interval_by_hand() -> None:
    (one,) = MODEL.slice_intervals(np.log([[0.04, 20.0]]))
    assert (one.low, one.middle, one.high) == pytest.approx((0.92, 0.96, 0.98))


def test_no_expected_dice_exceeds_what_labels_can_tell_or_falls_below_none() -> None:
    rng = np.random.default_rng(0)
    for one in MODEL.slice_intervals(rng.uniform(-20, 5, (500, 2))):
        assert 0 <= one.low <= one.middle <= one.high <= MODEL.best


def test_the_scan_weighs_its_slices_by_their_bone() -> None:
    logs = np.log([[0.06, 20.0], [0.02, 20.0]])
    scan = MODEL.scan_interval(logs, [100, 300])
    assert scan is not None
    # (0.06 + 3 x 0.02) / 4 is 0.03: low 1.5 x 2 x 0.03, high 0.5 x 0.03 / 2
    assert (scan.low, scan.middle, scan.high) == pytest.approx((0.91, 0.97, 0.99))
    assert MODEL.scan_interval(np.empty((0, 2)), []) is None


def test_the_ends_are_told_in_hundredths_outwards() -> None:
    (one,) = MODEL.slice_intervals(np.log([[0.032, 20.0]]))
    assert (one.low, one.middle, one.high) == pytest.approx((0.93, 0.968, 0.99))


def test_a_model_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_model(MODEL, tmp_path / "model.json")
    assert read_model(tmp_path / "model.json") == MODEL


@pytest.mark.parametrize(
    "change",
    [
        {"lines": [[0.0, 1.0, 0.0]] * 2},
        {"lines": [[0.0, 1.0]] * 3},
        {"factors": [1.0]},
        {"usual": [0.0]},
        {"most": [float("nan"), 0.0]},
        {"best": None, "unknown": 1},
    ],
)
def test_anything_else_is_refused_in_one_line(change: dict[str, object], tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    write_model(MODEL, path)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with refused(CheckpointError, "WEIGHTS_BROKEN", path.name):
        read_model(path)


def test_only_the_weights_it_was_fitted_for_get_a_model(tmp_path: Path) -> None:
    weights = tmp_path / "own.safetensors"
    write_model(MODEL, weights.with_suffix(SUFFIX))
    assert model_beside(weights, MODEL.sha256) == MODEL
    with refused(CheckpointError, "WEIGHTS_MISFIT", "own", MODEL.sha256[:12], "cd" * 6):
        model_beside(weights, "cd" * 32)
    assert model_beside(tmp_path / "other.safetensors", MODEL.sha256) is None


def test_the_shipped_weights_have_their_model_wherever_they_lie(tmp_path: Path) -> None:
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(shipped_path().read_bytes())
    for path in (shipped_path(), copy):
        checkpoint = load_checkpoint(path)
        model = checkpoint.header.expected_dice
        assert model is not None
        assert model.sha256 == checkpoint.sha256
        assert model.best <= 0.99


def test_a_model_is_not_saved_with_weights_it_may_not_fit(tmp_path: Path) -> None:
    shipped = load_checkpoint(shipped_path())
    header = replace(shipped.header, calibration=(0.5, 0.1))
    save_checkpoint(tmp_path / "changed.safetensors", shipped.network(), header)
    assert load_checkpoint(tmp_path / "changed.safetensors").header.expected_dice is None
