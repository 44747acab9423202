"""A run's configuration: every mistake is told in one line, and it comes back from JSON."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.refusals import refused

from afunet.errors import ConfigError
from afunet.models.checkpoint import load_checkpoint
from afunet.models.shipped import shipped_path
from afunet.training.config import (
    DataConfig,
    Optimizer,
    Precision,
    TrainingConfig,
    config_to_json,
    load_config,
    parse_config,
)

FULL = """
model = "afunet"
start_from = "weights/first.safetensors"
steps = 300
batch_size = 8
learning_rate = 1
spacing_mm = [0.4, 0.9]
optimizer = "sgd"
precision = "bf16"
average_decay = 0.99

[[data]]
path = "knee"
weight = 2.5

[[data]]
path = "thigh"

[options]
width = 32
dasp_rates = [1, 2]

[crop]
size_px = 96
planned = 0.8

[augment]
scale = [0.7, 1.3]
flip = false
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "run.toml"
    path.write_text(text)
    return path


def refuses(*facts: object, **values: Any) -> None:
    with refused(ConfigError, "CONFIG_ERROR", *facts):
        parse_config({"data": [{"path": "knee"}], **values})


def test_every_value_of_a_file_is_taken(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, FULL))
    assert config.data == (DataConfig("knee", 2.5), DataConfig("thigh", 1.0))
    assert config.model == "afunet"
    assert dict(config.options) == {"width": 32, "dasp_rates": [1, 2]}
    assert (config.steps, config.batch_size, config.learning_rate) == (300, 8, 1)
    assert config.spacing_mm == (0.4, 0.9)
    assert config.optimizer is Optimizer.SGD
    assert config.precision is Precision.BF16
    assert (config.crop.size_px, config.crop.planned) == (96, 0.8)
    assert config.augment.scale == (0.7, 1.3)
    assert config.augment.flip is False
    assert config.augment.rotation_deg == 30  # not in the file: its default


def test_a_configuration_comes_back_from_its_json(tmp_path: Path) -> None:
    for config in (load_config(written(tmp_path, FULL)), TrainingConfig((DataConfig("knee"),))):
        assert parse_config(json.loads(json.dumps(config_to_json(config)))) == config


def test_parsing_is_the_inverse_of_writing_without_json_between() -> None:
    config = TrainingConfig((DataConfig("knee"),))
    assert parse_config(config_to_json(config)) == config


@pytest.mark.parametrize("data", [{}, {"data": []}, {"data": "knee"}, {"data": {"path": "knee"}}])
def test_a_run_without_data_is_refused(data: dict[str, Any]) -> None:
    with refused(ConfigError, "NO_TRAINING_DATA"):
        parse_config(data)


def test_unknown_keys_are_named_with_the_known_ones() -> None:
    refuses("['epoch']", "'steps'", epoch=100)
    refuses("crop", "['size']", crop={"size": 64})
    refuses("augment", "['zoom']", augment={"zoom": 2})
    refuses("data", "['share']", data=[{"path": "a", "share": 1}])


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("steps", 1.5, ("steps", "int", 1.5)),
        ("steps", True, ("steps", "int", True)),
        ("steps", "many", ("steps", "int", "'many'")),
        ("learning_rate", "1e-3", ("learning_rate", "float", "'1e-3'")),
        ("learning_rate", False, ("learning_rate", "float", False)),
        ("crop", 128, ("crop", 128)),
        ("optimizer", "adam", ("optimizer", "sgd, adamw", "'adam'")),
        ("precision", 16, ("precision", "fp32, bf16, fp16", 16)),
        ("data", [{"weight": 1.0}], ("data", "path")),
        ("data", ["knee"], ("data", "'knee'")),
    ],
)
def test_a_wrong_type_or_choice_is_refused(key: str, value: Any, named: tuple[object, ...]) -> None:
    refuses(*named, **{key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("steps", 0),
        ("batch_size", -1),
        ("validate_every", 0),
        ("learning_rate", 0.0),
        ("average_decay", 1.0),
        ("average_decay", -0.1),
        ("augment", {"scale": [2, 1]}),
    ],
)
def test_an_impossible_value_is_refused(key: str, value: Any) -> None:
    refuses(key, **{key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("spacing_mm", "0.5"),
        ("spacing_mm", [0.5]),
        ("spacing_mm", ["fine", "coarse"]),
        ("model", 3),
        ("start_from", 3),
        ("options", 3),
        ("augment", {"flip": "no"}),
        ("augment", {"scale": [1]}),
        ("augment", {"scale": 1}),
        ("augment", {"scale": ["a", "b"]}),
        ("learning_rate", float("nan")),
        ("seed", -1),
        ("warmup_steps", -1),
        ("recalibration_batches", -1),
        ("weight_decay", -1.0),
        ("crop", {"size_px": 0}),
        ("crop", {"size_px": 4097}),
        ("crop", {"sizes_px": [7]}),
        ("crop", {"sizes_px": [32, 10**9]}),
        ("crop", {"planned": 1.5}),
        ("distillation", {"weight": float("inf")}),
        ("distillation", {"weight": float("nan")}),
    ],
)
def test_a_value_that_would_only_fail_later_is_refused(key: str, value: Any) -> None:
    innermost = next(iter(value)) if isinstance(value, dict) else key
    refuses(innermost, **{key: value})


def test_passes_over_the_data_have_one_size() -> None:
    raw = {"data": [{"path": "knee"}], "epochs": 1, "crop": {"sizes_px": [8, 16]}}
    with refused(ConfigError, "OPTIONS_CLASH", [8, 16]):
        parse_config(raw)


@pytest.mark.parametrize(
    ("entry", "key"), [({"path": "knee", "weight": -1.0}, "weight"), ({"path": 3}, "path")]
)
def test_a_data_entry_that_would_only_fail_later_is_refused(
    entry: dict[str, Any], key: str
) -> None:
    refuses(key, data=[entry])


def test_a_file_that_is_missing_or_no_toml_is_refused_in_one_line(tmp_path: Path) -> None:
    with refused(ConfigError, "UNREADABLE", "none.toml"):
        load_config(tmp_path / "none.toml")
    with refused(ConfigError, "BAD_TEXT"):
        load_config(written(tmp_path, "steps = = 3"))
    (tmp_path / "run.toml").write_bytes(b"model = '\xff'")
    with refused(ConfigError, "BAD_TEXT"):
        load_config(tmp_path / "run.toml")


def test_without_a_file_the_recipe_fine_tunes_the_shipped_weights() -> None:
    config = load_config(data=[Path("store"), Path("more")])
    assert config.start_from == "shipped"
    assert [entry.path for entry in config.data] == ["store", "more"]
    header = load_checkpoint(shipped_path()).header
    assert (header.model, dict(header.options)) == (config.model, dict(config.options))
    assert header.patch_px == config.crop.size_px


def test_data_given_take_the_place_of_the_files(tmp_path: Path) -> None:
    toml = tmp_path / "run.toml"
    toml.write_text('steps = 7\n[[data]]\npath = "knee"\n')
    assert [entry.path for entry in load_config(toml).data] == ["knee"]
    config = load_config(toml, [Path("store")])
    assert (config.steps, [entry.path for entry in config.data]) == (7, ["store"])


def test_values_that_are_given_take_the_place_of_the_files(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('epochs = 3\nbatch_size = 4\n[[data]]\npath = "knee"\n')
    config = load_config(path, steps=7, learning_rate=0.5, batch_size=2)
    assert (config.steps_for(100), config.learning_rate, config.batch_size) == (7, 0.5, 2)
    assert load_config(path).epochs == 3
