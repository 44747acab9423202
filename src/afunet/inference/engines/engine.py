"""The interface between a network and all that uses it: NumPy windows in, NumPy logits out."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from afunet.errors import CheckpointError

Float32Array = NDArray[np.float32]


class Engine(Protocol):
    """A network made ready on one device, with the arithmetic and the batch that suit it.

    Engines are values: nothing that `run` does changes what it says next. To add a runtime: a file
    with such a class, and a line in `tests/inference/engines/test_contract.py`.
    """

    @property
    def channels(self) -> int:
        """C, the neighbouring slices that the network sees at once."""

    @property
    def classes(self) -> int:
        """K, the channels of what it says; bone alone is 1."""

    @property
    def windows_per_batch(self) -> int:
        """How many windows suit it at once."""

    @property
    def device(self) -> str:
        """Where it runs, as "cpu" or "cuda"."""

    @property
    def arithmetic(self) -> str:
        """What it computes with, as "float32" or "bfloat16"."""

    def run(self, windows: Float32Array) -> Float32Array:
        """Windows (N, C, h, w) in [0, 1] → logits (N, K, h, w), for any N, h and w.

        What the logits mean is the network's affair (`afunet.models.head`). Raises `MemoryError`
        where the device cannot hold such a batch, `CheckpointError` for another C than `channels`.
        """

    def smaller(self) -> tuple[Engine, str]:
        """What to go on with after a `MemoryError`, and its name in plain words.

        Raises `DeviceError` where nothing smaller is left.
        """


def require_channels(engine: Engine, windows: Float32Array) -> None:
    """Raise `CheckpointError` for windows of another number of slices than the network takes."""
    if windows.ndim != 4 or windows.shape[1] != engine.channels:
        raise CheckpointError(
            f"the network takes windows (N, {engine.channels}, rows, columns), got "
            f"{windows.shape}: its input_slices and those of the data differ"
        )
