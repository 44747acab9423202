"""A safetensors file for each network: weights and a JSON header, protected by a SHA-256.

The file's metadata has one entry, a JSON object: the header and `sha256`, the digest of the header
and of every tensor's name, type, shape and bytes. The name of the entry says what kind of network
it is. Nothing is unpickled.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from afunet.errors import CheckpointError
from afunet.whole_file import whole_file

FORMAT_VERSION = 1
Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class WeightsFile:
    """The header as written, the weights, and the digest of both."""

    header: Mapping[str, Any]
    weights: Mapping[str, Array]
    sha256: str


def write_weights(
    path: Path, entry: str, header: Mapping[str, Any], weights: Mapping[str, Array]
) -> str:
    """Write the file completely or not at all, and return the digest.

    Raises `CheckpointError` if weights are not finite, and `OutputError` if the file cannot be
    written.
    """
    weights = {key: np.require(value, requirements="C") for key, value in weights.items()}
    _require_finite(weights, "not saved, because weights are not finite")
    header = json.loads(json.dumps(header))  # as it will be read back
    digest = digest_of(header, weights)
    content = save(dict(weights), {entry: json.dumps({**header, "sha256": digest})})
    with whole_file(path) as unfinished:
        unfinished.write_bytes(content)
    return digest


def read_weights(path: Path, entry: str) -> WeightsFile:
    """Read and verify a file; raises `CheckpointError` unless it is intact."""
    if not path.is_file():
        raise CheckpointError(f"no weights file at {path}", code="NO_WEIGHTS")
    try:
        with safe_open(str(path), framework="np") as file:
            metadata = file.metadata() or {}
            weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, TypeError) as error:
        raise CheckpointError(
            f"{path.name} is not an intact safetensors file: {error}", code="WEIGHTS_BROKEN"
        ) from error
    if entry not in metadata:
        raise CheckpointError(
            f"{path.name} is a safetensors file, but not one of afunet for this purpose: it has no "
            f"entry {entry!r}",
            code="WEIGHTS_FOREIGN",
        )
    try:
        header = dict(json.loads(metadata[entry]))
        expected = str(header.pop("sha256"))
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{path.name} has a broken header: {error!r}", code="WEIGHTS_BROKEN"
        ) from error
    if (version := header.get("version", FORMAT_VERSION)) != FORMAT_VERSION:
        raise CheckpointError(
            f"{path.name} has format version {version}, but this afunet reads version "
            f"{FORMAT_VERSION}: use the afunet that fits the file",
            code="WEIGHTS_VERSION",
        )
    digest = digest_of(header, weights)
    if digest != expected:
        raise CheckpointError(
            f"{path.name} was altered: its SHA-256 is {digest[:12]}…, but its header says "
            f"{expected[:12]}…: download it again",
            code="WEIGHTS_ALTERED",
        )
    _require_finite(weights, f"{path.name} has weights that are not finite")
    return WeightsFile(header, weights, digest)


def digest_of(header: Mapping[str, Any], weights: Mapping[str, Array]) -> str:
    """SHA-256 of the weights and of the header as written.

    Fields that are added to `Header` later thus leave older files intact.
    """
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(weights):
        array = np.require(weights[name], requirements="C")
        # PyTorch wrote the first files: the names of its types are part of the format.
        digest.update(f"{name} torch.{array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def arrays_of(state: Mapping[str, Any]) -> dict[str, Array]:
    """Return the tensors of a PyTorch module's state as arrays."""
    return {key: tensor.detach().cpu().numpy() for key, tensor in state.items()}


def halved(weights: Mapping[str, Array]) -> dict[str, Array]:
    """Convert floats to float16, except arrays beyond its range; counters stay."""
    return {
        k: value.astype(np.float16) if _fits_half(value) else value for k, value in weights.items()
    }


def single(weights: Mapping[str, Array]) -> dict[str, Array]:
    """Convert floats to float32 for computing; counters stay."""
    return {
        k: value.astype(np.float32) if _floats(value) else value for k, value in weights.items()
    }


def _floats(value: Array) -> bool:
    return bool(np.issubdtype(value.dtype, np.floating))


def _fits_half(value: Array) -> bool:
    largest = np.finfo(np.float16).max
    return _floats(value) and bool((~np.isfinite(value) | (np.abs(value) <= largest)).all())


def _require_finite(weights: Mapping[str, Array], what: str) -> None:
    broken = [key for key, value in weights.items() if not np.isfinite(value).all()]
    if broken:
        raise CheckpointError(f"{what}: {', '.join(broken)}", code="WEIGHTS_NOT_FINITE")
