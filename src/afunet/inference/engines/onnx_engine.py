"""Run networks with onnxruntime on a CPU."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from afunet.errors import DeviceError
from afunet.inference.engines.engine import Float32Array, require_channels


@dataclass(frozen=True, eq=False)
class OnnxEngine:
    """An `Engine`: a session of onnxruntime, which many threads may use at once."""

    session: Any
    device: str
    arithmetic: str
    windows_per_batch: int
    channels: int = 1
    classes: int = 1

    def run(self, windows: Float32Array) -> Float32Array:
        """Return the logits."""
        require_channels(self, windows)
        try:
            (logits,) = self.session.run(None, {"windows": np.require(windows, np.float32, ["C"])})
        except Exception as error:  # onnxruntime has no kind of its own for want of memory
            if "bad_alloc" in str(error) or "failed to allocate" in str(error).lower():
                raise MemoryError(f"not enough memory for {len(windows)} windows") from error
            raise
        return np.asarray(logits)

    def smaller(self) -> tuple[OnnxEngine, str]:
        """Halve the batch; raises `DeviceError` for a single window."""
        if self.windows_per_batch == 1:
            raise DeviceError(
                "out of memory on the CPU even with one window per batch: free some memory",
                code="OUT_OF_MEMORY",
            )
        half = self.windows_per_batch // 2
        return replace(self, windows_per_batch=half), f"{half} windows per batch"
