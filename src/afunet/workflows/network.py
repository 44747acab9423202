"""A network that is loaded, checked and tested once, for any number of scans."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afunet.errors import CheckpointError
from afunet.findings import Finding
from afunet.inference.cpu import this_cpu
from afunet.inference.device_choice import DeviceChoice
from afunet.inference.engines.engine import Engine
from afunet.inference.engines.factory import Trial, best_engine
from afunet.inference.runtime_choice import RuntimeChoice
from afunet.models.header import Header
from afunet.models.network_file import load_network_file
from afunet.models.shipped import shipped_path
from afunet.plan import Step
from afunet.watch import UNWATCHED, Watch

LOADING, TRYING = "loading the network", "choosing the runtime"
PLAN = (Step(LOADING), Step(TRYING))


@dataclass(frozen=True, eq=False)
class Network:
    """The header, the digest of the weights, the engine that runs them, and how it was chosen.

    `findings` are about the processor.
    """

    header: Header
    sha256: str
    engine: Engine
    trial: Trial
    findings: tuple[Finding, ...] = ()


def load_network(
    weights: str | Path | None = None,
    device: DeviceChoice = DeviceChoice.AUTO,
    watch: Watch = UNWATCHED,
    *,
    runtime: RuntimeChoice = RuntimeChoice.AUTO,
    fast: bool = False,
) -> Network:
    """Load weights (None: the shipped ones) and choose the fastest way to run them.

    `fast` prefers the fast ones of the shipped weights. Raises `CheckpointError` for a file that is
    not an intact network or does not fit the runtime, `ConfigError` for a runtime that is not
    installed, `DeviceError` if the network does not run on the device, and `Cancelled` on request.
    """
    watch.tell(LOADING, 0, 1)
    file = load_network_file(shipped_path(fast=fast) if weights is None else _path_of(weights))
    watch.tell(LOADING, 1, 1)
    watch.check()
    watch.tell(TRYING, 0, 1)
    cpu = this_cpu()
    engine, trial = best_engine(file, device, runtime, cpu)
    watch.tell(TRYING, 1, 1)
    watch.check()
    findings = cpu.findings() if engine.device == "cpu" else ()
    return Network(file.header, file.sha256, engine, trial, findings)


def _path_of(weights: Any) -> Path:
    if isinstance(weights, str | os.PathLike) and str(weights):
        return Path(weights)
    raise CheckpointError(
        f"weights are {weights!r}, expected the path of a weights file, or None for the shipped "
        "ones",
        code="NO_WEIGHTS",
    )
