"""A package that an extra brings: whether it is there, and the refusal if it is not."""

import sys
import tomllib
from pathlib import Path

import pytest
from tests.refusals import refused

from afunet.cli.serve import NEEDED, serve
from afunet.errors import ConfigError
from afunet.extras import EXTRAS, installed, missing_package, require_extra
from afunet.faults import code_of, exit_code_of, reason_of

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]


@pytest.mark.parametrize("package", EXTRAS)
def test_each_package_is_in_its_extra_and_not_in_the_base(package: str) -> None:
    extras = PROJECT["optional-dependencies"]
    assert any(line.startswith(f"{package}>=") for line in extras[EXTRAS[package]])
    assert not any(line.startswith(f"{package}>=") for line in PROJECT["dependencies"])


def test_a_failed_import_is_a_refusal_that_names_the_extra() -> None:
    error = ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn")
    assert code_of(error) == "PACKAGE_MISSING"
    assert exit_code_of(error) == ConfigError.exit_code
    assert "pip install 'afunet[train]'" in reason_of(error)


@pytest.mark.parametrize(
    "error", [ModuleNotFoundError("", name="numpy"), ImportError("", name="torch"), ValueError()]
)
def test_any_other_error_is_none(error: Exception) -> None:
    assert missing_package(error) is None


def test_a_package_that_is_blocked_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert installed("onnxruntime")
    monkeypatch.setitem(sys.modules, "openvino", None)
    with refused(ConfigError, "PACKAGE_MISSING", "openvino", "pip install 'afunet[openvino]'"):
        require_extra("openvino")


@pytest.mark.parametrize("package", NEEDED)
def test_without_a_package_of_its_extra_no_server_starts(
    package: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert EXTRAS[package] == "serve"
    monkeypatch.setitem(sys.modules, package, None)
    with refused(ConfigError, "PACKAGE_MISSING", package, "pip install 'afunet[serve]'"):
        serve(data=tmp_path / "data")
    assert list(tmp_path.iterdir()) == []
