"""Packages that only an extra of afunet installs, and the refusal if one is missing."""

from __future__ import annotations

from importlib.util import find_spec

from afunet.errors import ConfigError

EXTRAS = {
    "torch": "train",
    "onnx": "train",
    "onnxscript": "train",
    "tensorboard": "train",
    "matplotlib": "train",
    "openvino": "openvino",
    "pyarrow": "batch",
    "ray": "cluster",
    "fsspec": "cluster",
    "fastapi": "serve",
    "uvicorn": "serve",
    "python_multipart": "serve",
    "monai": "bench",
    "pynetdicom": "node",
    "dicomweb_client": "node",
    "requests": "node",
    "reportlab": "node",
}
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
        raise _missing(package)


def missing_package(error: BaseException) -> ConfigError | None:
    """The refusal for a failed import of a package of an extra; None for any other error."""
    package = (getattr(error, "name", None) or "").partition(".")[0]
    failed = isinstance(error, ModuleNotFoundError) and package in EXTRAS
    return _missing(package) if failed else None


def _missing(package: str) -> ConfigError:
    return ConfigError(
        f"this needs the package {package}, which is not installed: install it with "
        f"pip install 'afunet[{EXTRAS[package]}]'",
        code="PACKAGE_MISSING",
    )
