"""A run that is killed at any moment goes on as if it had not been."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from afunet.models.checkpoint import load_checkpoint

CONFIG = """
model = "fcn"
options = { width = 4 }
steps = 40
batch_size = 2
crop = { size_px = 32 }
average_decay = 0.8
recalibration_batches = 1
validate_every = 5
deterministic = true

[[data]]
path = "store"
"""


def start(toml: Path, run: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "afunet", "train", str(toml), "-o", str(run), "--quiet"]
    return subprocess.Popen(
        [*command, "--device", "cpu", "--threads", "1"],
        stdout=subprocess.DEVNULL,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def steps_logged(run: Path) -> int:
    log = run / "log.csv"
    return len(log.read_text().splitlines()) - 1 if log.exists() else 0


def state_of(run: Path) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(run / "last.pt", weights_only=True)
    return state


def test_a_run_killed_and_resumed_has_the_bits_of_an_unbroken_one(
    store: Path, tmp_path: Path
) -> None:
    """A network with dropout, so that random numbers drawn inside it count too."""
    toml = tmp_path / "tiny.toml"
    toml.write_text(CONFIG)
    unbroken, killed = tmp_path / "unbroken", tmp_path / "killed"
    assert start(toml, unbroken).wait() == 0
    process = start(toml, killed)
    while steps_logged(killed) < 12:
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    reached = state_of(killed)["step"]
    assert 10 <= reached < 40
    assert start(toml, killed).wait() == 0
    for name, value in state_of(unbroken)["model"].items():
        assert torch.equal(state_of(killed)["model"][name], value), name
    files = (unbroken / "best.safetensors", killed / "best.safetensors")
    first, second = (load_checkpoint(file).weights for file in files)
    assert all(np.array_equal(first[name], second[name]) for name in first)
    for name in ("log.csv", "validation.csv"):
        assert (killed / name).read_text() == (unbroken / name).read_text()
