"""What every network of `MODELS` promises; a new one is picked up by its line there."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from onnx import ModelProto
from onnx.checker import check_model
from onnxruntime import InferenceSession
from tests.refusals import refused
from torch import Tensor, nn

from afunet.errors import ConfigError
from afunet.models import MODELS, build_model
from afunet.models.checkpoint import load_checkpoint, save_checkpoint
from afunet.models.export import WINDOWS, onnx_of
from afunet.models.header import Header

every_model = pytest.mark.parametrize("name", MODELS)


def small_options(name: str, **options: Any) -> dict[str, Any]:
    has_width = "width" in {field.name for field in fields(MODELS[name].config)}
    return {"width": 8, **options} if has_width else options


def small_model(name: str, seed: int = 0, **options: Any) -> nn.Module:
    return build_model(name, small_options(name, **options), seed=seed)


def slices(*shape: int, seed: int = 1) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def exercised(model: nn.Module) -> nn.Module:
    """After a training step's forward pass, so that running statistics are no longer 0 and 1."""
    model.train()(slices(2, 1, 40, 40))
    return model.eval()


@every_model
@pytest.mark.parametrize("size", [(16, 16), (33, 47), (65, 64), (16, 101)])
def test_there_is_one_logit_for_each_pixel_of_a_slice_of_any_size(
    name: str, size: tuple[int, int]
) -> None:
    logits = small_model(name).eval()(slices(2, 1, *size))
    assert logits.shape == (2, 1, *size)
    assert logits.isfinite().all()


@every_model
def test_each_class_has_a_channel_and_one_is_the_default(name: str) -> None:
    several = small_model(name, classes=3).eval()
    assert several(slices(2, 1, 33, 47)).shape == (2, 3, 33, 47)
    alone, default = (small_model(name, **options).state_dict() for options in ({"classes": 1}, {}))
    assert all(torch.equal(alone[key], default[key]) for key in default)
    with pytest.raises(ConfigError):
        small_model(name, classes=0)


@every_model
def test_the_published_size_takes_a_full_slice(name: str) -> None:
    with torch.device("meta"):
        logits = build_model(name).eval()(torch.empty(1, 1, 512, 512))
    assert logits.shape == (1, 1, 512, 512)


@every_model
def test_three_neighbouring_slices_give_one_mask_and_all_are_used(name: str) -> None:
    model = small_model(name, input_slices=3).eval()
    x = slices(1, 3, 40, 32).requires_grad_()
    logits = model(x)
    logits.square().sum().backward()
    assert logits.shape == (1, 1, 40, 32)
    assert x.grad is not None
    assert (x.grad.abs().sum(dim=(0, 2, 3)) > 0).all()


def reached_parameters(name: str, seed: int) -> set[str]:
    model = small_model(name, seed).train()
    logits = model(slices(4, 1, 72, 72))
    (logits * slices(*logits.shape, seed=2)).sum().backward()
    return {
        key
        for key, parameter in model.named_parameters()
        if parameter.grad is not None and parameter.grad.abs().sum() > 0
    }


@every_model
def test_gradients_reach_every_parameter(name: str) -> None:
    # In one draw of so narrow a network a lone ReLU may be dead, in three draws none is.
    reached = set().union(*(reached_parameters(name, seed) for seed in range(3)))
    assert reached == {key for key, _ in small_model(name).named_parameters()}


@every_model
def test_a_batch_of_one_slice_can_be_trained_on(name: str) -> None:
    assert small_model(name).train()(slices(1, 1, 40, 48)).shape == (1, 1, 40, 48)


@every_model
def test_the_input_is_left_as_it_was(name: str) -> None:
    x = slices(1, 1, 33, 33)
    before = x.clone()
    small_model(name).eval()(x)
    assert torch.equal(x, before)


@every_model
def test_evaluation_gives_the_same_logits_twice(name: str) -> None:
    model = exercised(small_model(name))
    x = slices(2, 1, 40, 40)
    assert torch.equal(model(x), model(x))


@every_model
def test_in_evaluation_a_slice_does_not_feel_its_batch(name: str) -> None:
    model = exercised(small_model(name)).double()
    x = slices(3, 1, 40, 40).double()
    torch.testing.assert_close(model(x)[1:2], model(x[1:2]), rtol=1e-9, atol=1e-9)


@every_model
def test_the_seed_decides_the_weights(name: str) -> None:
    first, again, other = (small_model(name, seed).state_dict() for seed in (5, 5, 6))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


@every_model
def test_a_seeded_build_leaves_the_random_numbers_of_others_alone(name: str) -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    small_model(name, seed=9)
    assert torch.equal(torch.rand(4), expected)


@every_model
def test_a_checkpoint_brings_back_the_same_logits(name: str, tmp_path: Path) -> None:
    model = exercised(small_model(name))
    header = Header(name, small_options(name), (-300.0, 1300.0), (0.3, 1.0), 128)
    save_checkpoint(tmp_path / "w.safetensors", model, header)
    loaded = load_checkpoint(tmp_path / "w.safetensors").network()
    x = slices(1, 1, 33, 47)
    assert not loaded.training
    assert torch.equal(loaded(x), model(x))


@pytest.fixture(scope="module")
def exported(request: pytest.FixtureRequest) -> tuple[nn.Module, ModelProto]:
    """A network of three slices, exercised, and its ONNX graph."""
    model = small_model(request.param, input_slices=3)
    model.train()(slices(2, 3, 72, 72))
    return model.eval(), onnx_of(model, torch.zeros(2, 3, 64, 96), WINDOWS)


every_export = pytest.mark.parametrize("exported", MODELS, indirect=True)


@every_export
def test_its_export_is_valid_and_has_free_sizes(exported: tuple[nn.Module, ModelProto]) -> None:
    _, graph = exported
    check_model(graph, full_check=True)
    given, told = (
        [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
        for value in (graph.graph.input[0], graph.graph.output[0])
    )
    assert (given, told) == (["N", 3, "H", "W"], ["N", 1, "H", "W"])


@every_export
@pytest.mark.parametrize(
    "shape", [(2, 64, 96), (1, 16, 16), (3, 33, 47), (1, 101, 40), (1, 160, 256)], ids=str
)
def test_its_export_says_the_same_at_any_size(
    exported: tuple[nn.Module, ModelProto], shape: tuple[int, int, int]
) -> None:
    model, graph = exported
    x = slices(shape[0], 3, *shape[1:])
    with torch.inference_mode():
        expected = model(x).numpy()
    session = InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"windows": x.numpy()})
    # Fresh weights say little: they must agree to a hundredth of what they say at all.
    atol = min(1e-4, float(expected.std()) / 100)
    if any(isinstance(layer, nn.InstanceNorm2d) for layer in model.modules()):
        atol = float(expected.std()) / 500  # it enlarges the rounding of channels that are flat
    np.testing.assert_allclose(logits, expected, rtol=0, atol=atol)


@every_model
def test_an_unknown_option_is_refused_in_one_line_that_names_the_known_ones(name: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        build_model(name, {"widht": 8})
    line = str(refusal.value)
    assert "\n" not in line
    assert "widht" in line
    assert all(field.name in line for field in fields(MODELS[name].config))


@every_model
@pytest.mark.parametrize(
    "options",
    [{"width": "wide"}, {"width": 0}, {"width": [8]}, {"width": True}, {"input_slices": 2}],
    ids=str,
)
def test_an_impossible_value_is_refused_in_one_line(name: str, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as refusal:
        build_model(name, options)
    assert "\n" not in str(refusal.value)


def test_an_unknown_model_is_refused_with_the_known_names() -> None:
    with refused(ConfigError, "CONFIG_ERROR", "'vnet'", *MODELS):
        build_model("vnet")
