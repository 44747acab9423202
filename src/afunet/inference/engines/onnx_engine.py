"""Run networks with onnxruntime, on a CPU or, with the package onnxruntime-gpu, on a CUDA GPU."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from afunet.errors import DeviceError
from afunet.inference.engines.engine import WINDOWS_PER_BATCH, Float32Array, require_channels
from afunet.models.network_file import NetworkFile
from afunet.models.onnx_session import CPU, Provider, open_session

CUDA: Provider = ("CUDAExecutionProvider", {"use_tf32": "0"})
"""TF32 has 10 bits: too few for the masks of float32."""


@dataclass(frozen=True, eq=False)
class OnnxEngine:
    """An `Engine`: a session of onnxruntime, which many threads may use at once."""

    session: Any
    device: str
    arithmetic: str
    windows_per_batch: int
    channels: int = 1
    classes: int = 1
    runtime: str = "onnx"

    def run(self, windows: Float32Array) -> Float32Array:
        """Return the logits."""
        require_channels(self, windows)
        try:
            (logits,) = self.session.run(None, {"windows": np.require(windows, np.float32, ["C"])})
        except Exception as error:  # onnxruntime has no kind of its own for want of memory
            if out_of_memory(error):
                raise MemoryError(f"not enough memory for {len(windows)} windows") from error
            raise
        return np.asarray(logits)

    def smaller(self) -> tuple[OnnxEngine, str]:
        """Halve the batch."""
        half = half_batch(self.windows_per_batch, self.device)
        return replace(self, windows_per_batch=half), f"{half} windows per batch"


def onnx_engine(file: NetworkFile, device: str, arithmetic: str) -> OnnxEngine:
    """Return an engine for the graph of a file."""
    assert file.graph is not None
    session = open_session(file.graph, [CUDA, CPU] if device == "cuda" else [CPU])
    channels, classes = file.header.input_slices, len(file.header.classes)
    return OnnxEngine(session, device, arithmetic, WINDOWS_PER_BATCH[device], channels, classes)


def has_cuda() -> bool:
    """Whether this onnxruntime was built for CUDA."""
    import onnxruntime

    return CUDA[0] in onnxruntime.get_available_providers()


def half_batch(windows_per_batch: int, device: str) -> int:
    """Half of a batch; raises `DeviceError` for a single window."""
    if windows_per_batch == 1:
        raise DeviceError(
            f"out of memory on {device} even with one window per batch: free some memory",
            code="OUT_OF_MEMORY",
        )
    return windows_per_batch // 2


def out_of_memory(error: Exception) -> bool:
    """Whether an error of onnxruntime or OpenVINO says that memory ran short."""
    said = str(error).lower()
    return any(words in said for words in ("bad_alloc", "bad allocation", "failed to allocate"))
