import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import save_file
from tests.refusals import refused
from torch import nn

from afunet.errors import CheckpointError
from afunet.models import build_model
from afunet.models.checkpoint import load_checkpoint, save_checkpoint
from afunet.models.header import METADATA_KEY, Header
from afunet.models.weights_file import Array, digest_of

OPTIONS = {"width": 4, "depth": 1, "dasp_rates": (2, 3)}
HEADER = Header(
    model="afunet",
    options=OPTIONS,
    window_hu=(-300.0, 1300.0),
    spacing_mm=(0.3, 1.0),
    patch_px=128,
    training={"data": "phantom", "epochs": 2},
    metrics={"dice": 0.5},
)


@pytest.fixture
def model() -> nn.Module:
    return build_model("afunet", OPTIONS, seed=0).eval()


@pytest.fixture
def path(tmp_path: Path, model: nn.Module) -> Path:
    save_checkpoint(tmp_path / "w.safetensors", model, HEADER)
    return tmp_path / "w.safetensors"


def rewrite(path: Path, change: Callable[[dict[str, Any], dict[str, Array]], None]) -> None:
    """Change the header and the weights of the file behind the digest's back."""
    with safe_open(str(path), framework="np") as file:
        header = json.loads(file.metadata()[METADATA_KEY])
        weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    change(header, weights)
    save_file(weights, str(path), {METADATA_KEY: json.dumps(header)})


def refuses(path: Path, code: str, *facts: object) -> None:
    with refused(CheckpointError, code, path.name, *facts):
        load_checkpoint(path)


def test_all_tensors_come_back_bit_by_bit(path: Path, model: nn.Module) -> None:
    loaded = load_checkpoint(path).weights
    state = model.state_dict()
    assert loaded.keys() == state.keys()
    assert all(np.array_equal(loaded[key], state[key].numpy()) for key in state)
    assert all(loaded[key].dtype == state[key].numpy().dtype for key in state)


def test_the_header_comes_back(path: Path) -> None:
    header = load_checkpoint(path).header
    assert replace(header, options=OPTIONS) == HEADER
    assert json.dumps(header.options) == json.dumps(OPTIONS)


def test_the_digest_is_told_on_saving_and_on_loading(tmp_path: Path, model: nn.Module) -> None:
    path = tmp_path / "w.safetensors"
    assert save_checkpoint(path, model, HEADER) == load_checkpoint(path).sha256


def test_another_header_or_other_weights_have_another_digest(
    tmp_path: Path, model: nn.Module
) -> None:
    path = tmp_path / "w.safetensors"
    other = build_model("afunet", OPTIONS, seed=1)
    digests = {
        save_checkpoint(path, model, HEADER),
        save_checkpoint(path, other, HEADER),
        save_checkpoint(path, model, replace(HEADER, patch_px=64)),
    }
    assert len(digests) == 3


def test_nothing_half_written_is_left(path: Path) -> None:
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_half_precision_halves_the_floats_and_runs_in_full_precision(
    tmp_path: Path, model: nn.Module
) -> None:
    path = tmp_path / "half.safetensors"
    save_checkpoint(path, model, HEADER, half=True)
    checkpoint = load_checkpoint(path)
    network = checkpoint.network()
    assert checkpoint.weights["head.weight"].dtype == np.float16
    assert checkpoint.weights["decoder.0.permutation"].dtype == np.int64
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}
    x = torch.rand(1, 1, 16, 16)
    torch.testing.assert_close(network(x), model(x), rtol=0, atol=2e-2)


def test_what_half_precision_cannot_hold_stays_in_full(tmp_path: Path, model: nn.Module) -> None:
    path = tmp_path / "half.safetensors"
    dict(model.named_buffers())["decoder.0.fuse.1.running_var"].fill_(90_000.0)
    save_checkpoint(path, model, HEADER, half=True)
    checkpoint = load_checkpoint(path)
    assert checkpoint.weights["decoder.0.fuse.1.running_var"].dtype == np.float32
    assert checkpoint.weights["decoder.0.fuse.1.running_mean"].dtype == np.float16
    kept = dict(checkpoint.network().named_buffers())["decoder.0.fuse.1.running_var"]
    assert (kept == 90_000.0).all()


def test_one_changed_weight_is_noticed(path: Path) -> None:
    rewrite(path, lambda _, weights: weights["head.bias"].__iadd__(1e-6))
    refuses(path, "WEIGHTS_ALTERED")


def test_a_renamed_weight_is_noticed(path: Path) -> None:
    rewrite(path, lambda _, weights: weights.update(extra=weights.pop("head.bias")))
    refuses(path, "WEIGHTS_ALTERED")


def test_a_changed_header_is_noticed(path: Path) -> None:
    rewrite(path, lambda header, _: header.update(window_hu=[-200.0, 1300.0]))
    refuses(path, "WEIGHTS_ALTERED")


def test_a_broken_header_is_refused(path: Path) -> None:
    def forget_model(header: dict[str, Any], weights: dict[str, Array]) -> None:
        del header["model"], header["sha256"]
        header["sha256"] = digest_of(header, weights)

    rewrite(path, forget_model)
    refuses(path, "WEIGHTS_BROKEN", "model")


def test_weights_that_are_not_finite_are_neither_saved_nor_loaded(
    path: Path, model: nn.Module
) -> None:
    def spoil(header: dict[str, Any], weights: dict[str, Array]) -> None:
        weights["head.bias"].fill(np.nan)
        header.pop("sha256")
        header["sha256"] = digest_of(header, weights)

    rewrite(path, spoil)
    refuses(path, "WEIGHTS_NOT_FINITE", "head.bias")
    before = path.read_bytes()
    dict(model.named_parameters())["head.bias"].data.fill_(float("inf"))
    with refused(CheckpointError, "WEIGHTS_NOT_FINITE", "head.bias"):
        save_checkpoint(path, model, HEADER)
    assert path.read_bytes() == before


def test_a_newer_format_is_refused_with_both_versions(path: Path) -> None:
    rewrite(path, lambda header, _: header.update(version=99))
    refuses(path, "WEIGHTS_VERSION", 99, 1)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    refuses(tmp_path / "absent.safetensors", "NO_WEIGHTS")


@pytest.mark.parametrize("kept_bytes", [0, 4, 100, 5000])
def test_a_truncated_file_is_refused(path: Path, kept_bytes: int) -> None:
    path.write_bytes(path.read_bytes()[:kept_bytes])
    refuses(path, "WEIGHTS_BROKEN")


def test_a_pickled_file_is_refused_unopened(tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    torch.save({"weight": torch.zeros(1)}, path)
    refuses(path, "WEIGHTS_BROKEN")


def test_weights_of_another_tool_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"weight": np.zeros(1)}, str(path))
    refuses(path, "WEIGHTS_FOREIGN")


@pytest.mark.parametrize(
    ("model_name", "options"),
    [("afunet", {"width": 8}), ("unet", {"width": 4}), ("vnet", {}), ("afunet", {"deep": 3})],
    ids=["other width", "other network", "unknown network", "unknown option"],
)
def test_weights_that_do_not_fit_their_header_are_refused_in_one_line(
    tmp_path: Path, model: nn.Module, model_name: str, options: dict[str, Any]
) -> None:
    path = tmp_path / "w.safetensors"
    save_checkpoint(path, model, replace(HEADER, model=model_name, options=options))
    with refused(CheckpointError, "WEIGHTS_MISFIT", f"'{model_name}'"):
        load_checkpoint(path).network()


def test_a_file_from_before_a_field_was_added_loads_with_its_default(path: Path) -> None:
    def forget_threshold(header: dict[str, Any], weights: dict[str, Array]) -> None:
        del header["threshold"], header["sha256"]
        header["sha256"] = digest_of(header, weights)

    rewrite(path, forget_threshold)
    assert load_checkpoint(path).header.threshold == 0.5


def test_a_file_from_before_calibration_is_uncalibrated(path: Path) -> None:
    def forget(header: dict[str, Any], weights: dict[str, Array]) -> None:
        del header["calibration"], header["sha256"]
        header["sha256"] = digest_of(header, weights)

    rewrite(path, forget)
    assert load_checkpoint(path).header.calibration == (1.0, 0.0)


@pytest.mark.parametrize("pair", [(0.0, 0.0), (1.0,), "no"])
def test_the_calibration_comes_back_and_an_impossible_one_is_refused(
    pair: Any, path: Path, model: nn.Module
) -> None:
    save_checkpoint(path, model, replace(HEADER, calibration=(0.8, -0.2)))
    assert load_checkpoint(path).header.calibration == (0.8, -0.2)
    save_checkpoint(path, model, replace(HEADER, calibration=pair))
    refuses(path, "WEIGHTS_BROKEN")


def test_the_threshold_comes_back_and_an_impossible_one_is_refused(
    tmp_path: Path, model: nn.Module
) -> None:
    for threshold in (0.35, 1.5):
        file = tmp_path / f"{threshold}.safetensors"
        save_checkpoint(file, model, replace(HEADER, threshold=threshold))
        if threshold < 1:
            assert load_checkpoint(file).header.threshold == 0.35
        else:
            refuses(file, "WEIGHTS_BROKEN", 1.5)


def test_classes_come_back_and_decide_the_channels(path: Path) -> None:
    assert load_checkpoint(path).header.classes == ("bone",)
    names = ("tibia", "fibula", "talus")
    model = build_model("afunet", {**OPTIONS, "classes": 3}, seed=0).eval()
    save_checkpoint(path, model, replace(HEADER, classes=names))
    checkpoint = load_checkpoint(path)
    assert checkpoint.header.classes == names
    assert checkpoint.network()(torch.rand(1, 1, 16, 16)).shape == (1, 3, 16, 16)


def test_classes_that_do_not_fit_or_make_no_sense_are_refused(path: Path, model: nn.Module) -> None:
    save_checkpoint(path, model, replace(HEADER, classes=("tibia", "fibula")))
    with refused(CheckpointError, "WEIGHTS_MISFIT"):
        load_checkpoint(path).network()
    for classes in ((), ("tibia", "tibia"), ("",)):
        save_checkpoint(path, model, replace(HEADER, classes=classes))
        refuses(path, "WEIGHTS_BROKEN", list(classes))
