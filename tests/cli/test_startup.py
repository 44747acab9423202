"""What is not imported before it is needed: each call in a new interpreter."""

from __future__ import annotations

import subprocess
import sys

import pytest

from afunet.cli import app

HEAVY = frozenset(
    {"torch", "onnxruntime", "openvino", "safetensors", "numpy", "scipy", "skimage", "cc3d", "edt"}
    | {"pydicom", "highdicom", "dicomanonymizer", "imagecodecs", "nibabel", "SimpleITK", "gdcm"}
    | {"vtkmodules", "trimesh", "networkx", "PIL", "matplotlib", "jinja2", "cattrs"}
)
COMMANDS = sorted(command.callback.__name__ for command in app.registered_commands)  # type: ignore
CALL = f"""
import sys
from afunet.__main__ import main
try:
    main()
except SystemExit as done:
    print(done.code, *sorted({{name.partition(".")[0] for name in sys.modules}} & {set(HEAVY)}))
"""


def called(*arguments: str) -> tuple[str, list[str]]:
    """The exit code, and which of `HEAVY` were imported."""
    done = subprocess.run(
        [sys.executable, "-c", CALL, *arguments], capture_output=True, text=True, check=True
    )
    code, *imported = done.stdout.splitlines()[-1].split()
    return code, imported


def test_all_commands_are_asked() -> None:
    assert {"segment", "inspect", "reconstruct", "train", "compare"} < set(COMMANDS)


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], *([c, "--help"] for c in COMMANDS)]
)
def test_help_and_version_import_nothing_heavy(arguments: list[str]) -> None:
    assert called(*arguments) == ("0", [])


@pytest.mark.parametrize(
    "arguments",
    [["no-such-command"], ["segment"], ["train", "--no-such-option"], ["inspect", "a", "b"]],
)
def test_a_usage_error_imports_nothing_heavy(arguments: list[str]) -> None:
    assert called(*arguments) == ("2", [])
