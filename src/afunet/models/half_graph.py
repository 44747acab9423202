"""Store the weights of an ONNX graph as the float16 that they were made of: half the size.

The graph computes in float32 as before; a runtime casts each weight once, when it loads the graph.
Batch normalisation was folded into weights, which scales every output channel: then the graph keeps
the float16 weight and the float32 scales, whose product has the same bits as the folded weight.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from afunet.models.weights_file import Array

if TYPE_CHECKING:
    from onnx import ModelProto


@dataclass(frozen=True, eq=False)
class _Halves:
    """Arrays by name, and the nodes that make the weight of them."""

    arrays: Mapping[str, Array]
    nodes: tuple[Any, ...]


def store_as_half(model: ModelProto, weights: Mapping[str, Array]) -> None:
    """Replace each weight of the graph that `weights` holds under the same name as float16.

    A weight that they do not give bit by bit stays as it is.
    """
    from onnx import numpy_helper

    kept: list[Any] = []
    nodes: list[Any] = []
    for weight in model.graph.initializer:
        halves = _halves(weight.name, numpy_helper.to_array(weight), weights.get(weight.name))
        if halves is None:
            kept.append(weight)
            continue
        kept += [numpy_helper.from_array(array, key) for key, array in halves.arrays.items()]
        nodes += halves.nodes
    nodes += model.graph.node
    for field, values in ((model.graph.initializer, kept), (model.graph.node, nodes)):
        del field[:]
        field.extend(values)


def _halves(name: str, weight: Array, stored: Array | None) -> _Halves | None:
    """Return what makes a float32 weight (out, …) of the stored one; None if nothing does."""
    from onnx import TensorProto, helper

    if stored is None or stored.dtype != np.float16 or stored.shape != weight.shape:
        return None
    whole = stored.astype(np.float32)
    cast = helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT)
    if np.array_equal(whole, weight):
        return _Halves({f"{name}.half": stored}, (cast,))
    scales = _scales(weight, whole)
    if not np.array_equal(whole * scales, weight):
        return None
    cast.output[0] = f"{name}.whole"
    scaled = helper.make_node("Mul", [f"{name}.whole", f"{name}.scales"], [name])
    return _Halves({f"{name}.half": stored, f"{name}.scales": scales}, (cast, scaled))


def _scales(weight: Array, whole: Array) -> Array:
    """Return the factor of each output channel, float32 (out, 1, …), by least squares."""
    axes = tuple(range(1, weight.ndim))
    exact = whole.astype(np.float64)
    squares = (exact * exact).sum(axes, keepdims=True)
    scales = (exact * weight).sum(axes, keepdims=True) / np.where(squares > 0, squares, 1)
    return np.asarray(scales, dtype=np.float32)
