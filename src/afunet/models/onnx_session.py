"""Sessions of onnxruntime, with the settings that all networks share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from afunet.models.cores import threads

CPU = "CPUExecutionProvider"
Provider = str | tuple[str, dict[str, str]]


def open_session(
    graph: bytes, providers: Sequence[Provider] = (CPU,), *, optimised: bool = True
) -> Any:
    """Return an `InferenceSession` of a graph; raises onnxruntime's errors.

    Memory pattern planning is off. It keeps a plan and a block of memory for each size of input
    that ever came, so memory grew with changing sizes; without it the arena is reused for all of
    them. Threads wait without spinning once a run has ended, because others compute then.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads()
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False
    options.log_severity_level = 3  # errors only: the rest is of no use to a user
    options.add_session_config_entry("session.force_spinning_stop", "1")
    if not optimised:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(graph, options, providers=list(providers))
