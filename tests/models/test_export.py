"""What an exported file holds, and that all readings of AFU-Net and the name networks export."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnxruntime import InferenceSession
from torch import Tensor, nn

from afunet.anatomy.bone_network import BONE_NAMES
from afunet.anatomy.side_network import LIMB_SIDES
from afunet.errors import OutputError
from afunet.models import build_model
from afunet.models.checkpoint import load_checkpoint
from afunet.models.export import WINDOWS, export_onnx, onnx_of
from afunet.models.shipped import shipped_path


def told(graph: bytes, windows: Tensor) -> np.ndarray:
    session = InferenceSession(graph, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(["logits"], {"windows": windows.numpy()})[0])


@torch.inference_mode()
def require_same(network: nn.Module, graph: bytes, windows: Tensor) -> None:
    expected = network.eval()(windows).numpy()
    atol = min(1e-4, float(expected.std()) / 100)
    np.testing.assert_allclose(told(graph, windows), expected, rtol=0, atol=atol)


def drawn(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "deep" / "afunet.onnx"
    export_onnx(load_checkpoint(shipped_path()), path)
    return path


def test_the_shipped_weights_say_the_same_as_onnx(shipped: Path) -> None:
    network = load_checkpoint(shipped_path()).network()
    for shape in ((1, 1, 256, 256), (2, 1, 77, 130)):
        require_same(network, shipped.read_bytes(), drawn(*shape))


def test_the_header_travels_with_them(shipped: Path) -> None:
    checkpoint = load_checkpoint(shipped_path())
    (entry,) = onnx.load(shipped).metadata_props
    assert entry.key == "afunet"
    header = json.loads(entry.value)
    assert header.pop("sha256") == checkpoint.sha256
    assert header == json.loads(json.dumps(checkpoint.header.saved()))


def test_the_file_is_its_weights_and_little_more_and_names_no_folder(shipped: Path) -> None:
    weights = load_checkpoint(shipped_path()).weights.values()
    content = shipped.read_bytes()
    assert len(content) < 1.02 * sum(4 * tensor.numel() for tensor in weights)
    assert b"site-packages" not in content
    assert str(Path(__file__).parents[2]).encode() not in content
    assert [path.name for path in shipped.parent.iterdir()] == ["afunet.onnx"]


def test_a_place_that_cannot_be_written_to_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError) as refusal:
        export_onnx(load_checkpoint(shipped_path()), tmp_path / "file" / "afunet.onnx")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "options",
    [
        {"channel_split": "random", "dense_input": True},
        {"bottleneck": "aspp", "fusion": "concat"},
    ],
    ids=str,
)
def test_every_reading_of_afunet_exports(options: dict[str, Any]) -> None:
    network = build_model("afunet", {"width": 4, "depth": 1, **options}, seed=0)
    network.train()(drawn(2, 1, 40, 40))
    graph = onnx_of(network, torch.zeros(2, 1, 24, 32), WINDOWS).SerializeToString()
    require_same(network, graph, drawn(1, 1, 37, 50))


def test_the_network_of_bone_names_exports() -> None:
    network = BONE_NAMES.load(shipped_path("bone-names.safetensors"))
    inputs = network.config.inputs
    graph = onnx_of(network, torch.zeros(2, inputs), {0: "N"}).SerializeToString()
    for count in (1, 9):
        require_same(network, graph, drawn(count, inputs))


def test_the_network_of_limb_sides_exports() -> None:
    network = LIMB_SIDES.load(shipped_path("limb-sides.safetensors"))
    size = network.config.size
    graph = onnx_of(network, torch.zeros(2, 2, *size), {0: "N"}).SerializeToString()
    require_same(network, graph, drawn(5, 2, *size))
