"""The interface between a network and the code that uses it: windows in, logits out, in NumPy."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from afunet.errors import CheckpointError

Float32Array = NDArray[np.float32]
WINDOWS_PER_BATCH = {"cpu": 2, "cuda": 16}


class Engine(Protocol):
    """A network prepared for one device, number format and batch size.

    Engines are values: `run` keeps no state. To add a runtime, write a class with these members in
    a file of its own and add lines to `RUNTIMES` and `tests/inference/engines/test_contract.py`.

    Every runtime plans its work for a size of windows when that size comes first, and may keep
    memory for it. So give it few sizes: one box for a whole scan, with sides that are multiples of
    32 (no network halves a side more than five times), and full batches.
    """

    @property
    def runtime(self) -> str:
        """The name of the runtime in `RUNTIMES`, such as "torch"."""

    @property
    def channels(self) -> int:
        """C, the number of neighbouring slices that the network sees at once."""

    @property
    def classes(self) -> int:
        """K, the number of output channels; 1 for bone alone."""

    @property
    def windows_per_batch(self) -> int:
        """The number of windows to run at once."""

    @property
    def device(self) -> str:
        """The device, such as "cpu" or "cuda"."""

    @property
    def arithmetic(self) -> str:
        """The number format: "float32", "bfloat16" or "int8"."""

    def run(self, windows: Float32Array) -> Float32Array:
        """Windows (N, C, h, w) in [0, 1] → logits (N, K, h, w), for any N, h and w.

        `afunet.models.head` gives the logits their meaning. Raises `MemoryError` if the device
        cannot hold the batch, and `CheckpointError` if C is not `channels`.
        """

    def smaller(self) -> tuple[Engine, str]:
        """Return the engine to use after a `MemoryError`, and a short description of it.

        Raises `DeviceError` if there is no smaller one.
        """


def require_channels(engine: Engine, windows: Float32Array) -> None:
    """Raise `CheckpointError` unless the windows have as many slices as the network takes."""
    if windows.ndim != 4 or windows.shape[1] != engine.channels:
        raise CheckpointError(
            f"the network takes windows (N, {engine.channels}, rows, columns), got "
            f"{windows.shape}: use data with the network's input_slices"
        )
