"""Export networks to ONNX for runtimes other than PyTorch: graph and weights in one file.

The export uses PyTorch's exporter on `torch.export`. The older exporter, which traces one run of
the network, is deprecated; it gives AFU-Net 200 nodes instead of 117. A network must not compare
two sizes in `forward`: the graph would keep the answer for all sizes.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from afunet.models.checkpoint import METADATA_KEY, Checkpoint
from afunet.models.fusion import folded
from afunet.whole_file import whole_file

if TYPE_CHECKING:
    from onnx import ModelProto

WINDOWS = {0: "N", 2: "H", 3: "W"}
"""The free axes of windows (N, C, H, W)."""


def export_onnx(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint's network, windows (N, C, H, W) → logits (N, K, H, W), for any N, H, W.

    The metadata have one entry, `afunet`, as in the checkpoint: its header and its SHA-256. Raises
    `CheckpointError` if weights and model do not fit, and `OutputError` if the file cannot be
    written.
    """
    header = checkpoint.header
    channels = header.input_slices
    said = json.dumps({**header.saved(), "sha256": checkpoint.sha256})
    with whole_file(path) as unfinished:
        model = onnx_of(checkpoint.network(), torch.zeros(2, channels, 64, 96), WINDOWS)
        model.metadata_props.add(key=METADATA_KEY, value=said)
        unfinished.write_bytes(model.SerializeToString())


def onnx_of(network: nn.Module, example: Tensor, free: Mapping[int, str]) -> ModelProto:
    """Return the graph of a network in evaluation mode, with input `windows` and output `logits`.

    `free` names the axes of the input that may have any size; the others keep their size in
    `example`. A free axis must be longer than 1 in `example`.
    """
    axes = dict.fromkeys(free, torch.export.Dim.DYNAMIC)
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
