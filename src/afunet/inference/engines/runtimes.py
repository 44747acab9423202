"""The table of runtimes, the fastest on a CPU first. To add one, write an engine and a line."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from afunet.extras import installed
from afunet.inference.engines.engine import Engine
from afunet.models.network_file import NetworkFile

Open = Callable[[NetworkFile, str, str], Engine]
DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"


@dataclass(frozen=True)
class Runtime:
    """A program library, and how an engine is made with it.

    `module` has a function `opener`, from a file, a device and a number format to an engine, and
    `has_cuda` if `gpu`. It is imported late, because libraries start slowly. `reads` names the
    field of `NetworkFile` that it needs.
    """

    package: str
    module: str
    opener: str
    reads: str
    bfloat16: bool = False
    int8: bool = False
    gpu: bool = False

    @property
    def installed(self) -> bool:
        """Whether its package is installed."""
        return installed(self.package)

    @property
    def version(self) -> str:
        """The version of its package."""
        try:
            return version(self.package)
        except PackageNotFoundError:  # installed under another name, such as onnxruntime-gpu
            return str(getattr(import_module(self.package), "__version__", ""))

    def runs(self, file: NetworkFile) -> bool:
        """Whether it can run the network of a file."""
        return getattr(file, self.reads) is not None and (file.arithmetic != "int8" or self.int8)

    def has_cuda(self) -> bool:
        """Whether it can use a CUDA GPU; without NVIDIA's driver it is not asked."""
        return self.gpu and has_driver() and bool(self._home.has_cuda())

    def open(self, file: NetworkFile, device: str, arithmetic: str) -> Engine:
        """Return an engine."""
        opened: Engine = getattr(self._home, self.opener)(file, device, arithmetic)
        return opened

    @property
    def _home(self) -> Any:
        return import_module(f"afunet.inference.engines.{self.module}")


RUNTIMES: dict[str, Runtime] = {
    "openvino": Runtime(
        "openvino", "openvino_engine", "openvino_engine", "graph", bfloat16=True, int8=True
    ),
    "onnx": Runtime("onnxruntime", "onnx_engine", "onnx_engine", "graph", int8=True, gpu=True),
    "torch": Runtime(
        "torch", "torch_engine", "torch_engine", "checkpoint", bfloat16=True, gpu=True
    ),
}


def has_driver() -> bool:
    """Whether NVIDIA's driver is installed."""
    try:
        ctypes.CDLL(DRIVER)
    except OSError:
        return False
    return True
