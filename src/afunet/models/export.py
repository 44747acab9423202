"""Networks as ONNX, for runtimes other than PyTorch: graph and weights in one file.

Made by PyTorch's exporter over `torch.export`. The older one, which runs the network once and
writes down what it saw, is deprecated; AFU-Net has 200 nodes by it and 117 by this. A network must
not ask whether two sizes are equal on its way: an answer would be kept for all sizes.
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

    The metadata have one entry, `afunet`, as the checkpoint's own: its header and its SHA-256.
    Raises `CheckpointError` where weights and model do not fit, `OutputError` where the file
    cannot be written.
    """
    header = checkpoint.header
    channels = header.input_slices
    said = json.dumps({**header.saved(), "sha256": checkpoint.sha256})
    with whole_file(path) as unfinished:
        model = onnx_of(checkpoint.network(), torch.zeros(2, channels, 64, 96), WINDOWS)
        model.metadata_props.add(key=METADATA_KEY, value=said)
        unfinished.write_bytes(model.SerializeToString())


def onnx_of(network: nn.Module, example: Tensor, free: Mapping[int, str]) -> ModelProto:
    """The graph of a network in evaluation mode, input `windows`, output `logits`.

    `free` names the axes of its input that may have any size; the others are as in `example`, in
    which a free axis must be longer than 1.
    """
    axes = dict.fromkeys(free, torch.export.Dim.DYNAMIC)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of PyTorch about itself
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
    """Without what PyTorch notes about its sources, and the free axes by their names."""
    given, told = model.graph.input[0], model.graph.output[0]
    names = {_axes(given)[axis].dim_param: name for axis, name in free.items()}
    for dimension in (*_axes(given), *_axes(told)):
        if dimension.dim_param:
            dimension.dim_param = names[dimension.dim_param]
    del model.graph.value_info[:]
    for item in (model, model.graph, *model.graph.node, *model.graph.initializer, given, told):
        if hasattr(item, "metadata_props"):
            del item.metadata_props[:]
    for node in model.graph.node:
        node.doc_string = ""
    return model


def _axes(value: Any) -> Any:
    return value.type.tensor_type.shape.dim
