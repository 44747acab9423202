"""Networks made smaller: distilled, pruned, quantised; and the lines for what cannot be done."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.refusals import refused

from afunet.errors import Cancelled, CheckpointError, ConfigError, InputError, OutputError
from afunet.models import build_model
from afunet.models.checkpoint import load_checkpoint, save_checkpoint
from afunet.models.header import METADATA_KEY, Header
from afunet.models.onnx_file import read_onnx
from afunet.models.onnx_session import open_session
from afunet.models.quantise import Calibration, Quantisation
from afunet.training.config import DistillationConfig, TrainingConfig, parse_config
from afunet.watch import UNWATCHED, CancelToken, Watch
from afunet.workflows import quantise as quantising
from afunet.workflows.compress import PRUNED, RANKING, distil, prune
from afunet.workflows.quantise import quantise
from afunet.workflows.train import BEST, train_network

Channels = Mapping[str, torch.Tensor]


def recipe(store: Path, **changes: Any) -> TrainingConfig:
    raw = {
        "data": [{"path": str(store)}],
        "options": {"width": 2, "depth": 2},
        "steps": 2,
        "batch_size": 2,
        "crop": {"size_px": 32},
        "validate_every": 2,
        **changes,
    }
    return parse_config(raw)


def saved(path: Path, model: str, **changes: Any) -> Path:
    """A checkpoint with fresh weights."""
    header = Header(model, {"width": 4}, (-300.0, 1300.0), (0.5, 2.0), 32)
    header = replace(header, **changes)
    options = {**header.options, "classes": len(header.classes)}
    save_checkpoint(path, build_model(model, options, seed=0), header)
    return path


def without(store: Path, split: str) -> Path:
    """The slices of a split have no labels."""
    table = store / "slices.csv"
    rows = table.read_text().splitlines()
    rows = [f"{row[:-1]}0" if f",{split}," in row else row for row in rows]
    table.write_text("\n".join(rows) + "\n")
    return store


# Distillation


def test_a_distilled_network_names_its_teacher(store: Path, weights: Path, tmp_path: Path) -> None:
    teacher = DistillationConfig(teacher=str(weights), weight=0.5)
    config = replace(recipe(store), distillation=teacher)
    found = load_checkpoint(distil(config, tmp_path / "run").checkpoint)
    assert dict(found.header.options) == {"width": 2, "depth": 2}
    (step,) = found.header.training["lineage"]
    assert step == {
        "method": "distilled",
        "parent": load_checkpoint(weights).sha256,
        "weight": 0.5,
        "data": ["store"],
        "steps": 2,
    }


def test_a_recipe_without_a_teacher_is_refused(store: Path, tmp_path: Path) -> None:
    with refused(ConfigError, "NOTHING_GIVEN"):
        distil(recipe(store), tmp_path / "run")
    assert not (tmp_path / "run").exists()


# Pruning


def test_a_pruned_network_keeps_what_matters_and_says_what_it_is(
    store: Path, weights: Path, tmp_path: Path
) -> None:
    run, parent = tmp_path / "run", load_checkpoint(weights)
    result = prune(weights, 0.5, recipe(store), run)
    start, found = load_checkpoint(run / PRUNED), load_checkpoint(result.checkpoint)
    assert start.weights["head.weight"].max() == parent.weights["head.weight"].max() == 40
    for checkpoint in (start, found):
        assert dict(checkpoint.header.options) == {"width": 2, "depth": 2}
        (step,) = checkpoint.header.training["lineage"]
        assert step["parent"] == parent.sha256
        assert (step["method"], step["share"], step["steps"]) == ("pruned", 0.5, 2)
        assert step["calibration"] == {"data": ["store"], "crops": 64}
    config = json.loads((run / "config.json").read_text())
    assert config["distillation"]["teacher"] == str(weights)


def test_pruning_again_adds_to_the_lineage_and_does_not_rank_twice(
    store: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = prune(weights, 0.5, recipe(store), tmp_path / "first")
    again = prune(first.checkpoint, 0.0, recipe(store), tmp_path / "second")
    parents = [
        one["parent"] for one in load_checkpoint(again.checkpoint).header.training["lineage"]
    ]
    assert parents == [load_checkpoint(path).sha256 for path in (weights, first.checkpoint)]
    monkeypatch.setattr("afunet.workflows.compress.channel_importance", None)
    assert prune(first.checkpoint, 0.0, recipe(store), tmp_path / "second") == again


@pytest.mark.parametrize(
    ("share", "named"), [(0.9, 0.4), (1.0, 1.0)], ids=["too few channels left", "nothing left"]
)
def test_an_impossible_share_is_refused(
    share: float, named: float, store: Path, weights: Path, tmp_path: Path
) -> None:
    with refused(ConfigError, "CONFIG_ERROR", named):
        prune(weights, share, recipe(store), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_only_an_afunet_can_be_pruned(store: Path, tmp_path: Path) -> None:
    other = saved(tmp_path / "w.safetensors", "unet")
    with refused(CheckpointError, "WEIGHTS_MISFIT", "unet"):
        prune(other, 0.5, recipe(store), tmp_path / "run")


@pytest.mark.parametrize("command", ["prune", "quantise"])
def test_weights_of_another_window_or_other_classes_are_refused(
    command: str, store: Path, tmp_path: Path
) -> None:
    def compress(weights: Path) -> None:
        if command == "prune":
            prune(weights, 0.5, recipe(store), tmp_path / "run")
        else:
            quantise(weights, str(store), tmp_path / "run")

    narrow = saved(tmp_path / "n.safetensors", "afunet", window_hu=(-100.0, 900.0))
    with refused(CheckpointError, "WEIGHTS_MISFIT", -100.0, 900.0, -300, 1300):
        compress(narrow)
    several = saved(tmp_path / "s.safetensors", "afunet", classes=("tibia", "fibula"))
    with refused(InputError, "CLASSES_DIFFER", "store", "bone", "tibia, fibula"):
        compress(several)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("command", ["distil", "prune", "quantise"])
def test_an_onnx_file_is_not_made_smaller(
    command: str, store: Path, weights: Path, tmp_path: Path
) -> None:
    graph, run = tmp_path / "w.onnx", tmp_path / "run"
    graph.write_bytes(b"whatever")
    with refused(CheckpointError, "WEIGHTS_MISFIT", "w.onnx", "safetensors"):
        if command == "distil":
            teacher = DistillationConfig(teacher=str(graph))
            distil(replace(recipe(store), distillation=teacher), run)
        elif command == "prune":
            prune(graph, 0.5, recipe(store), run)
        else:
            quantise(graph, str(store), run)
    assert not run.exists()


def test_a_folder_in_the_place_of_the_result_is_refused_before_the_work(
    store: Path, weights: Path, tmp_path: Path
) -> None:
    for name in (quantising.FILE, BEST):
        (tmp_path / "run" / name).mkdir(parents=True)
    with refused(OutputError, "PLACE_TAKEN", quantising.FILE):
        quantise(weights, str(store), tmp_path / "run")
    with refused(OutputError, "PLACE_TAKEN", BEST):
        train_network(recipe(store), tmp_path / "run")


@pytest.mark.parametrize("stage", [RANKING, quantising.TRYING])
def test_a_stop_leaves_nothing_half_written_and_the_command_goes_on(
    stage: str, store: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantising, "CHOICES", quantising.CHOICES[:2])
    token, run = CancelToken(), tmp_path / "run"

    def compress(watch: Watch) -> Path:
        if stage == RANKING:
            return prune(weights, 0.5, recipe(store), run, watch=watch).checkpoint
        return quantise(weights, str(store), run, calibration_slices=2, watch=watch).path

    def stop(now: str, done: int, total: int) -> None:
        if now == stage and done == 1:
            token.cancel()

    with pytest.raises(Cancelled):
        compress(Watch(stop, token))
    assert not run.exists() or list(run.iterdir()) == []
    assert compress(UNWATCHED).is_file()


@pytest.mark.parametrize("command", ["prune", "quantise"])
def test_training_slices_are_needed(
    command: str, store: Path, weights: Path, tmp_path: Path
) -> None:
    with refused(InputError, "NO_LABELLED_SLICE", "train"):
        if command == "prune":
            prune(weights, 0.5, recipe(without(store, "train")), tmp_path / "run")
        else:
            quantise(weights, str(without(store, "train")), tmp_path / "run")


# INT8


def test_int8_is_chosen_by_validation_and_says_of_what_it_is_made(
    store: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choices = tuple(Quantisation(one, True) for one in Calibration)
    monkeypatch.setattr(quantising, "CHOICES", choices)
    result = quantise(weights, str(store), tmp_path / "out", calibration_slices=3)
    assert result.float32_dice > 0.99
    assert set(result.dice) == set(choices)
    assert result.dice[result.chosen] == max(result.dice.values()) > 0.98
    parent = load_checkpoint(weights)
    told = read_onnx(result.path, METADATA_KEY)
    assert (told.arithmetic, told.made_of) == ("int8", parent.sha256)
    (step,) = told.header["training"]["lineage"]
    assert (step["method"], step["parent"]) == ("int8", parent.sha256)
    assert step["calibration"] == {"data": "store", "slices": 3, "how": str(result.chosen)}
    window = np.full((1, 1, 40, 56), 0.25, np.float32)
    window[..., 10:20, 10:20] = 0.8
    (logits,) = open_session(result.path.read_bytes()).run(None, {"windows": window})
    assert np.array_equal(logits[0, 0] > 0, window[0, 0] > 0.5)


def test_int8_needs_validation_slices(store: Path, weights: Path, tmp_path: Path) -> None:
    with refused(InputError, "NO_LABELLED_SLICE", "val"):
        quantise(weights, str(without(store, "val")), tmp_path / "out")
    assert not (tmp_path / "out").exists()
