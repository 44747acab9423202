"""Sessions of onnxruntime, with the settings that all networks share."""

from __future__ import annotations

from typing import Any

CPU = "CPUExecutionProvider"


def open_session(graph: bytes) -> Any:
    """Return an `InferenceSession` of a graph; raises onnxruntime's errors.

    Memory pattern planning is off: it keeps a plan and memory for each size of input.
    """
    import onnxruntime as ort
    import torch

    options = ort.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    return ort.InferenceSession(graph, options, providers=[CPU])
