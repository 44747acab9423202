"""INT8 graphs beside the float32 graphs they are made of."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray

from afunet.models import build_model
from afunet.models.export import WINDOWS, onnx_of
from afunet.models.onnx_file import read_onnx, write_int8
from afunet.models.onnx_session import open_session
from afunet.models.quantise import Calibration, Quantisation, quantised


def drawn(seed: int, rows: int = 64, columns: int = 64) -> NDArray[np.float32]:
    """Smooth blobs, as calibration and as test."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 1, 8, 8, generator=generator)
    size = (rows, columns)
    return np.asarray(torch.nn.functional.interpolate(coarse, size, mode="bilinear").numpy())


@pytest.fixture(scope="module")
def graph() -> onnx.ModelProto:
    """An AFU-Net on blocks of two, whose running statistics are no longer 0 and 1."""
    options = {"width": 8, "depth": 2, "space_to_depth": 2}
    network = build_model("afunet", options, seed=0)
    network.train()(torch.from_numpy(np.concatenate([drawn(seed) for seed in range(8)])))
    return onnx_of(network.eval(), torch.zeros(2, 1, 64, 96), WINDOWS)


def logits(model: onnx.ModelProto, windows: NDArray[np.float32]) -> NDArray[np.float32]:
    (result,) = open_session(model.SerializeToString()).run(None, {"windows": windows})
    return np.asarray(result)


def test_an_int8_graph_is_near_the_float32_one_on_windows_of_any_size(
    graph: onnx.ModelProto,
) -> None:
    choices = [Quantisation(*how) for how in product(Calibration, (True, False))]
    errors = []
    for rounded in quantised(graph, [drawn(seed) for seed in range(4)], choices):
        for size in ((64, 64), (37, 50)):
            whole = logits(graph, drawn(9, *size))
            error = np.abs(logits(rounded, drawn(9, *size)) - whole).mean()
            errors.append(float(error / whole.std()))
    assert len(set(errors)) == len(errors) == 8
    assert min(errors) > 0
    assert max(errors) < 0.1


def test_weights_have_a_scale_for_each_channel_and_seven_bits(graph: onnx.ModelProto) -> None:
    (rounded,) = quantised(graph, [drawn(0)], [Quantisation(Calibration.PERCENTILE, False)])
    stored = {one.name: onnx.numpy_helper.to_array(one) for one in rounded.graph.initializer}
    weights = [value for value in stored.values() if value.dtype == np.int8 and value.ndim == 4]
    convolutions = [node for node in rounded.graph.node if node.op_type == "Conv"]
    assert len(weights) == len(convolutions)
    assert max(int(np.abs(value).max()) for value in weights) == 64
    scales = [value for name, value in stored.items() if "weight_scale" in name]
    assert {len(value) for value in scales} >= {8, 16, 32}


def test_the_ends_can_keep_float32(graph: onnx.ModelProto) -> None:
    (rounded,) = quantised(graph, [drawn(0)], [Quantisation(Calibration.PERCENTILE, True)])
    stored = {one.name for one in rounded.graph.initializer}
    first, *_, last = (node.input[1] for node in rounded.graph.node if node.op_type == "Conv")
    assert {first, last} <= stored
    assert sum(one.data_type == onnx.TensorProto.FLOAT for one in rounded.graph.initializer) > 2


def test_the_file_says_of_what_it_is_made(graph: onnx.ModelProto, tmp_path: Path) -> None:
    path = tmp_path / "int8.onnx"
    own = write_int8(path, graph.SerializeToString(), "afunet", {"model": "afunet"}, "abc")
    written = read_onnx(path, "afunet")
    assert (written.sha256, written.arithmetic, written.made_of) == (own, "int8", "abc")
    assert np.array_equal(logits(onnx.load(path), drawn(1)), logits(graph, drawn(1)))
