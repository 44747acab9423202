"""A network that is loaded, checked and tested once, for any number of scans."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afunet.errors import CheckpointError
from afunet.inference.device_choice import DeviceChoice
from afunet.inference.engines.engine import Engine
from afunet.inference.engines.factory import Trial, best_engine
from afunet.models.checkpoint import Header, load_checkpoint
from afunet.models.shipped import shipped_path
from afunet.plan import Step
from afunet.watch import UNWATCHED, Watch

LOADING, TRYING = "loading the network", "trying the arithmetic"
PLAN = (Step(LOADING), Step(TRYING))


@dataclass(frozen=True, eq=False)
class Network:
    """The checkpoint's header, the digest of its weights, and the engine that runs them."""

    header: Header
    sha256: str
    engine: Engine
    trial: Trial


def load_network(
    weights: str | Path | None = None,
    device: DeviceChoice = DeviceChoice.AUTO,
    watch: Watch = UNWATCHED,
    *,
    fast: bool = False,
) -> Network:
    """Load weights (None: the shipped ones) and choose the fastest way to run them.

    `fast` prefers the fast ones of the shipped weights.

    Raises `CheckpointError` for a file that is not an intact checkpoint, `DeviceError` if the
    network does not run on the device, and `Cancelled` on request.
    """
    watch.tell(LOADING, 0, 1)
    checkpoint = load_checkpoint(shipped_path(fast=fast) if weights is None else _path_of(weights))
    watch.tell(LOADING, 1, 1)
    watch.check()
    watch.tell(TRYING, 0, 1)
    engine, trial = best_engine(checkpoint, device)
    watch.tell(TRYING, 1, 1)
    watch.check()
    return Network(checkpoint.header, checkpoint.sha256, engine, trial)


def _path_of(weights: Any) -> Path:
    if isinstance(weights, str | os.PathLike) and str(weights):
        return Path(weights)
    raise CheckpointError(
        f"weights are {weights!r}, expected the path of a weights file, or None for the shipped "
        "ones",
        code="NO_WEIGHTS",
    )
