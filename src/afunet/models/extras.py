"""Packages that only some installations have, and the extra of afunet that brings each."""

from __future__ import annotations

from importlib.util import find_spec

from afunet.errors import ConfigError

EXTRAS = {"torch": "train", "onnx": "train", "onnxscript": "train", "openvino": "openvino"}
"""The extra for each package."""


def installed(package: str) -> bool:
    """Whether a package can be imported, without importing it."""
    try:
        return find_spec(package) is not None
    except ValueError:  # it was set to None among the loaded modules
        return False


def require_extra(package: str) -> None:
    """Raise `ConfigError` with the install command unless a package is installed."""
    if not installed(package):
        raise ConfigError(
            f"this needs the package {package}, which is not installed: install it with "
            f"pip install 'afunet[{EXTRAS[package]}]'",
            code="EXTRA_MISSING",
        )
