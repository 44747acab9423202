"""INT8: the convolutions of an ONNX graph on whole numbers, calibrated on example windows.

The graph keeps floats between convolutions and says where numbers are rounded (QDQ), so that
onnxruntime and OpenVINO run it. Weights have a scale for each output channel and 7 bits, because
CPUs with AVX2 but without VNNI add two products in 16 bits and would overflow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from enum import StrEnum
from io import StringIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from afunet.errors import ConfigError
from afunet.temporary import temporary_folder

if TYPE_CHECKING:
    from onnx import ModelProto

PREFIX = ".afunet-int8-"
ROUNDED = ("Conv",)
"""Concatenation and pooling in INT8 too gain 5 % of the time and lose as much again in Dice."""


class Calibration(StrEnum):
    """How the range of activations is found: least loss of entropy, or all but 1 in 100,000."""

    ENTROPY = "entropy"
    PERCENTILE = "percentile"


@dataclass(frozen=True)
class Quantisation:
    """The calibration, and whether the first and the last convolution keep float32."""

    calibration: Calibration
    float_ends: bool

    def __str__(self) -> str:
        """The choice in words."""
        return f"{self.calibration}, {'ends in float32' if self.float_ends else 'every layer'}"


def require_onnx() -> None:
    """Raise `ConfigError` if packages for INT8 are missing: to be called before the work."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            f"INT8 needs the package {error.name}: pip install 'afunet[train]'",
            code="PACKAGE_MISSING",
        ) from error


def quantised(
    model: ModelProto, windows: Sequence[NDArray[np.float32]], choices: Sequence[Quantisation]
) -> Iterator[ModelProto]:
    """The INT8 graphs of a float32 graph with the input `windows` (N, C, H, W), one a choice.

    `windows` are examples of one size, each (1, C, H, W). They are run one at a time, because the
    calibration keeps every activation of a run, and once for each calibration.
    """
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with temporary_folder(PREFIX) as folder:
        whole, prepared, result = (folder / f"{name}.onnx" for name in ("whole", "ready", "int8"))
        onnx.save(model, whole)
        quant_pre_process(str(whole), str(prepared), skip_symbolic_shape=True)
        nodes = onnx.load(prepared).graph.node
        first, *_, last = (node.name for node in nodes if node.op_type in ROUNDED)
        for how in choices:
            with redirect_stdout(StringIO()):
                quantize_static(
                    str(prepared),
                    str(result),
                    _reader(windows),
                    op_types_to_quantize=list(ROUNDED),
                    nodes_to_exclude=[first, last] if how.float_ends else [],
                    per_channel=True,
                    reduce_range=True,
                    activation_type=QuantType.QUInt8,
                    weight_type=QuantType.QInt8,
                    calibrate_method=CalibrationMethod[how.calibration.name.title()],
                    extra_options={"CalibStridedMinMax": 1},
                    calibration_cache_path=folder / f"{how.calibration}.json",
                )
            yield onnx.load(result)


def _reader(windows: Sequence[NDArray[np.float32]]) -> Any:
    """The windows as onnxruntime's calibration asks for them, in strides."""
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        left = iter(windows)

        def __len__(self) -> int:
            return len(windows)

        def set_range(self, start_index: int, end_index: int) -> None:
            self.left = iter(windows[start_index:end_index])

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            window = next(self.left, None)
            return None if window is None else {"windows": window}

    return Reader()
