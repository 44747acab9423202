"""A number of threads that cannot be read is said once, in afunet's words, before any library."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("value", ["abc", "0"])
def test_threads_that_cannot_be_read_are_one_line(value: str, tmp_path: Path) -> None:
    """torch, which `models` imports, would let libgomp write a line of its own."""
    command = [sys.executable, "-m", "afunet"]
    environment = os.environ | {"OMP_NUM_THREADS": value}
    listed = subprocess.run(
        [*command, "models"], env=environment, capture_output=True, text=True, check=False
    )
    assert listed.returncode == 0
    assert listed.stderr.count("\n") == 1
    assert listed.stderr.startswith("warning: OMP_NUM_THREADS ")
    gone = subprocess.run(
        [*command, "inspect", str(tmp_path / "none"), "--log", "json"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    told = [json.loads(line) for line in gone.stderr.splitlines()]
    assert [one["code"] for one in told if "code" in one] == ["THREADS_UNREADABLE", "NO_SUCH_PATH"]
