"""Packages that only an extra of afunet installs, and the refusal if one is missing."""

from __future__ import annotations

from afunet.errors import ConfigError

EXTRAS = {
    "torch": "train",
    "onnx": "train",
    "onnxscript": "train",
    "tensorboard": "train",
    "matplotlib": "train",
    "openvino": "openvino",
}


def missing_package(error: BaseException) -> ConfigError | None:
    """The refusal for a failed import of such a package; None for any other error."""
    package = (getattr(error, "name", None) or "").partition(".")[0]
    if not isinstance(error, ModuleNotFoundError) or package not in EXTRAS:
        return None
    return ConfigError(
        f"{package} is not installed, but this needs it: pip install 'afunet[{EXTRAS[package]}]'",
        code="PACKAGE_MISSING",
    )
