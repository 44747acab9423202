"""Run networks with OpenVINO on a CPU. It reads the ONNX file itself; nothing is converted."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from afunet.inference.engines.engine import WINDOWS_PER_BATCH, Float32Array, require_channels
from afunet.inference.engines.onnx_engine import half_batch, out_of_memory
from afunet.models.cores import threads
from afunet.models.network_file import NetworkFile

CONVERTER = "openvino.tools.ovc"
PRECISIONS = {"float32": "f32", "bfloat16": "bf16", "int8": "f32"}
"""Of what is not in whole numbers; OpenVINO's own choice would be bfloat16 where there is one."""


@dataclass(frozen=True, eq=False)
class OpenVinoEngine:
    """An `Engine`: a compiled model. Each run has a request of its own, so threads may share it."""

    model: Any
    arithmetic: str
    windows_per_batch: int
    channels: int = 1
    classes: int = 1
    device: str = "cpu"
    runtime: str = "openvino"

    def run(self, windows: Float32Array) -> Float32Array:
        """Return the logits."""
        require_channels(self, windows)
        request = self.model.create_infer_request()
        try:
            request.infer([np.require(windows, np.float32, ["C"])])
        except Exception as error:  # OpenVINO has no kind of its own for want of memory
            if out_of_memory(error):
                raise MemoryError(f"not enough memory for {len(windows)} windows") from error
            raise
        return np.array(request.get_output_tensor().data, dtype=np.float32)

    def smaller(self) -> tuple[OpenVinoEngine, str]:
        """Halve the batch."""
        half = half_batch(self.windows_per_batch, self.device)
        return replace(self, windows_per_batch=half), f"{half} windows per batch"


def openvino_engine(file: NetworkFile, device: str, arithmetic: str) -> OpenVinoEngine:
    """Return an engine for the graph of a file."""
    assert file.graph is not None
    core = _openvino().Core()
    model = core.compile_model(
        core.read_model(file.graph),
        "CPU",
        {
            "INFERENCE_PRECISION_HINT": PRECISIONS[arithmetic],
            "INFERENCE_NUM_THREADS": threads(),
            "NUM_STREAMS": 1,
        },
    )
    channels, classes = file.header.input_slices, len(file.header.classes)
    return OpenVinoEngine(model, arithmetic, WINDOWS_PER_BATCH[device], channels, classes)


def _openvino() -> Any:
    """Import OpenVINO without its converter, which would import its telemetry and 40 modules."""
    before = sys.modules.setdefault(CONVERTER, None)  # type: ignore[arg-type]
    try:
        import openvino
    finally:
        if before is None:
            del sys.modules[CONVERTER]
    return openvino
