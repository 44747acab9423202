"""Export networks to ONNX for runtimes other than PyTorch: graph and weights in one file.

The export uses PyTorch's exporter on `torch.export`. The older exporter, which traces one run of
the network, is deprecated; it gives AFU-Net 200 nodes instead of 117. A network must not compare
two sizes in `forward`: the graph would keep the answer for all sizes.
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from afunet.models.checkpoint import Checkpoint, load_checkpoint
from afunet.models.fusion import folded
from afunet.models.half_graph import store_as_half
from afunet.models.header import METADATA_KEY
from afunet.models.model_file import ModelFile
from afunet.models.onnx_file import SUFFIX, write_onnx
from afunet.models.weights_file import read_weights

if TYPE_CHECKING:
    from onnx import ModelProto

WINDOWS = {0: "N", 2: "H", 3: "W"}
"""The free axes of windows (N, C, H, W)."""
REGISTRATION = "torch.onnx._internal.exporter._registration"
"""PyTorch's logger of the operators that it can export; it misses torchvision's, unused here."""
FIRST = {0: "N"}
"""The first axis alone."""
BOXES = {0: "N", 2: "D", 3: "H", 4: "W"}
"""The free axes of boxes (N, C, D, H, W)."""


def export_onnx(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint's network, windows (N, C, H, W) → logits (N, K, H, W), for any N, H, W.

    Weights that the checkpoint stores as float16 are stored so too. Raises `CheckpointError` if
    weights and model do not fit, and `OutputError` if the file cannot be written.
    """
    header = checkpoint.header
    graph = onnx_of(checkpoint.network(), torch.zeros(2, header.input_slices, 64, 96), WINDOWS)
    store_as_half(graph, checkpoint.weights)
    write_onnx(path, graph.SerializeToString(), METADATA_KEY, header.saved(), checkpoint.sha256)


def export_module(
    kind: ModelFile[Any],
    weights: Path,
    module: nn.Module,
    example: Tensor,
    path: Path,
    free: Mapping[int, str] = FIRST,
) -> None:
    """Write the network of a weights file, for any length of the `free` axes of `example`."""
    file = read_weights(weights, kind.entry)
    graph = onnx_of(module, example, free)
    store_as_half(graph, file.weights)
    write_onnx(path, graph.SerializeToString(), kind.entry, file.header, file.sha256)


def onnx_of(network: nn.Module, example: Tensor, free: Mapping[int, str]) -> ModelProto:
    """Return the graph of a network in evaluation mode, with input `windows` and output `logits`.

    `free` names the axes of the input that may have any size; the others keep their size in
    `example`. A free axis must be longer than 1 in `example`.
    """
    axes = dict.fromkeys(free, torch.export.Dim.DYNAMIC)
    logging.getLogger(REGISTRATION).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # PyTorch's warnings about itself
        program = torch.onnx.export(
            folded(network),
            (example,),
            input_names=["windows"],
            output_names=["logits"],
            dynamic_shapes=(axes,),
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    return _plain(program.model_proto, free)


def _plain(model: ModelProto, free: Mapping[int, str]) -> ModelProto:
    """Remove PyTorch's notes about source code, and name the free axes, which the output shares."""
    given, told = model.graph.input[0], model.graph.output[0]
    for dimensions in (_axes(given), _axes(told)):
        for axis, dimension in enumerate(dimensions):
            if dimension.dim_param:
                dimension.dim_param = free[axis]
    del model.graph.value_info[:]
    for item in (model, model.graph, *model.graph.node, *model.graph.initializer, given, told):
        if hasattr(item, "metadata_props"):
            del item.metadata_props[:]
    for node in model.graph.node:
        node.doc_string = ""
    return model


def _axes(value: Any) -> Any:
    return value.type.tensor_type.shape.dim


def main(paths: list[str]) -> None:
    """Write an ONNX file beside each checkpoint: `python -m afunet.models.export FILE…`."""
    for path in map(Path, paths):
        export_onnx(load_checkpoint(path), path.with_suffix(SUFFIX))


if __name__ == "__main__":
    main(sys.argv[1:])
