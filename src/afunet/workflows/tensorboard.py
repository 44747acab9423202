"""A run in TensorBoard: its curves, and pictures of its validation slices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from afunet.training.recording import NoRecorder, Recorder

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class TensorBoardRecorder:
    """Writes events into the run's folder, once there is something to record."""

    def __init__(self, run: Path) -> None:
        self._run = run
        self._writer: SummaryWriter | None = None

    def scalar(self, name: str, value: float, step: int) -> None:
        """Record a point of a curve."""
        self._events().add_scalar(name, value, step)

    def picture(self, name: str, rgb: NDArray[np.uint8], step: int) -> None:
        """Record a picture (H, W, 3)."""
        self._events().add_image(name, rgb, step, dataformats="HWC")

    def close(self) -> None:
        """Write out what is left."""
        if self._writer is not None:
            self._writer.close()

    def _events(self) -> SummaryWriter:
        from torch.utils.tensorboard import SummaryWriter

        if self._writer is None:
            self._writer = SummaryWriter(str(self._run))
        return self._writer


@contextmanager
def tensorboard(run: Path) -> Iterator[Recorder]:
    """Yield a recorder for the run's folder; without the `train` extra it records nothing."""
    try:
        import torch.utils.tensorboard  # noqa: F401
    except ImportError:
        yield NoRecorder()
        return
    recorder = TensorBoardRecorder(run)
    try:
        yield recorder
    finally:
        recorder.close()
