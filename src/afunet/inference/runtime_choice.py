"""The program library with which the user wants the network to run."""

from enum import StrEnum


class RuntimeChoice(StrEnum):
    """The user's choice; `auto` takes the fastest of those that are installed."""

    AUTO = "auto"
    TORCH = "torch"
    ONNX = "onnx"
    OPENVINO = "openvino"
