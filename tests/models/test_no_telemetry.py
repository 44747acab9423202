"""Running a network leaves no file behind that could report its use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from afunet.models.shipped import shipped_path

RUNNING = """
import afunet
network = afunet.load_network({weights!r}, runtime={runtime!r})
import numpy as np
network.engine.run(np.zeros((1, 1, 64, 64), np.float32))
"""


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_a_runtime_leaves_no_trace(runtime: str, tmp_path: Path) -> None:
    """onnxruntime's own packages keep an identifier and events to send, unless told not to."""
    for name in ("home", "tmp", "cache"):
        (tmp_path / name).mkdir()
    graph = shipped_path().with_suffix(".onnx")
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ORT_")}
    subprocess.run(
        [sys.executable, "-c", RUNNING.format(weights=str(graph), runtime=runtime)],
        env=kept
        | {
            "HOME": str(tmp_path / "home"),
            "TMPDIR": str(tmp_path / "tmp"),
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
        },
        check=True,
        capture_output=True,
    )
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in left if "afunet" not in path.parts] == []
