"""What an exported file holds, and that all readings of AFU-Net and the name networks export."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnxruntime import InferenceSession
from torch import Tensor, nn

from afunet.anatomy.bone_module import BoneNamerModule
from afunet.anatomy.bone_network import BONE_NAMES
from afunet.anatomy.side_module import LimbSiderModule
from afunet.anatomy.side_network import LIMB_SIDES
from afunet.errors import OutputError
from afunet.models import build_model
from afunet.models.checkpoint import load_checkpoint
from afunet.models.export import WINDOWS, export_onnx, onnx_of
from afunet.models.network_file import load_network_file
from afunet.models.shipped import shipped_path

SHIPPED_GRAPH = "afunet-w32.onnx"


def told(graph: bytes, windows: Tensor) -> np.ndarray:
    session = InferenceSession(graph, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(["logits"], {"windows": windows.numpy()})[0])


def require_same(network: nn.Module, graph: bytes, windows: Tensor) -> None:
    require_told(network, lambda given: told(graph, torch.from_numpy(given)), windows)


@torch.inference_mode()
def require_told(
    network: nn.Module, run: Callable[[np.ndarray], np.ndarray], windows: Tensor
) -> None:
    expected = network.eval()(windows).numpy()
    atol = min(1e-4, float(expected.std()) / 100)
    np.testing.assert_allclose(run(windows.numpy()), expected, rtol=0, atol=atol)


def drawn(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "deep" / "afunet.onnx"
    export_onnx(load_checkpoint(shipped_path()), path)
    return path


def test_the_export_of_the_shipped_weights_is_the_shipped_file(exported: Path) -> None:
    """The graph may differ in names with another version of PyTorch, its weights may not."""
    ours, shipped = (onnx.load(path) for path in (exported, shipped_path(SHIPPED_GRAPH)))
    assert ours.metadata_props[0] == shipped.metadata_props[0]
    for one, other in zip(ours.graph.initializer, shipped.graph.initializer, strict=True):
        assert one == other


def test_the_shipped_weights_say_the_same_as_onnx() -> None:
    network = load_checkpoint(shipped_path()).network()
    for shape in ((1, 1, 256, 256), (2, 1, 77, 130)):
        require_same(network, shipped_path(SHIPPED_GRAPH).read_bytes(), drawn(*shape))


def test_the_header_travels_with_them() -> None:
    checkpoint, file = load_checkpoint(shipped_path()), load_network_file(shipped_path())
    assert file.graph == shipped_path(SHIPPED_GRAPH).read_bytes()
    assert (file.sha256, file.arithmetic) == (checkpoint.sha256, "float32")
    assert file.header == checkpoint.header


def test_the_file_is_its_weights_and_little_more_and_names_no_folder(exported: Path) -> None:
    weights = load_checkpoint(shipped_path()).weights.values()
    content = exported.read_bytes()
    assert len(content) < 1.02 * sum(array.nbytes for array in weights)
    assert b"site-packages" not in content
    assert str(Path(__file__).parents[2]).encode() not in content
    assert [path.name for path in exported.parent.iterdir()] == ["afunet.onnx"]


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


def test_the_shipped_network_of_bone_names_says_the_same_as_onnx() -> None:
    module = BONE_NAMES.load_module(shipped_path("bone-names.safetensors"), BoneNamerModule)
    network = BONE_NAMES.load(shipped_path("bone-names.onnx"))
    assert network.config == module.config
    for count in (1, 9):
        require_told(module, network, drawn(count, network.config.inputs))


def test_the_shipped_network_of_limb_sides_says_the_same_as_onnx() -> None:
    module = LIMB_SIDES.load_module(shipped_path("limb-sides.safetensors"), LimbSiderModule)
    network = LIMB_SIDES.load(shipped_path("limb-sides.onnx"))
    assert network.config == module.config
    require_told(module, network, drawn(5, 2, *network.config.size))
