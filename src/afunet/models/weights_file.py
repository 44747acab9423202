"""One safetensors file a network: weights and a JSON header, guarded by a SHA-256.

The file's metadata has one entry, a JSON object: the header and `sha256`, the digest of the header
and of every tensor's name, type, shape and bytes. The entry's name tells what kind of network it
is. Nothing is unpickled.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from afunet.errors import CheckpointError
from afunet.whole_file import whole_file

FORMAT_VERSION = 1


@dataclass(frozen=True, eq=False)
class WeightsFile:
    """The header as it was written, the weights, and the digest of both."""

    header: Mapping[str, Any]
    weights: Mapping[str, Tensor]
    sha256: str


def write_weights(
    path: Path, entry: str, header: Mapping[str, Any], weights: Mapping[str, Tensor]
) -> str:
    """Write the file whole or not at all; returns the digest.

    Raises `CheckpointError` for weights that are not finite and `OutputError` where the file
    cannot be written.
    """
    weights = {key: value.cpu().contiguous() for key, value in weights.items()}
    _require_finite(weights, "weights are not finite and were not saved")
    header = json.loads(json.dumps(header))  # as it will be read
    digest = digest_of(header, weights)
    content = save(weights, {entry: json.dumps({**header, "sha256": digest})})
    with whole_file(path) as unfinished:
        unfinished.write_bytes(content)
    return digest


def read_weights(path: Path, entry: str) -> WeightsFile:
    """Read and verify; `CheckpointError` in one line for anything but an intact file."""
    if not path.is_file():
        raise CheckpointError(f"no weights file at {path}", code="NO_WEIGHTS")
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path.name} is no intact safetensors file: {error}", code="WEIGHTS_BROKEN"
        ) from error
    if entry not in metadata:
        raise CheckpointError(
            f"{path.name} is a safetensors file, but not one of afunet's for this use: it has no "
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
            f"{path.name} has format version {version}, this afunet reads {FORMAT_VERSION}",
            code="WEIGHTS_VERSION",
        )
    digest = digest_of(header, weights)
    if digest != expected:
        raise CheckpointError(
            f"{path.name} was altered: its SHA-256 is {digest[:12]}…, its header says "
            f"{expected[:12]}…; fetch it again",
            code="WEIGHTS_ALTERED",
        )
    _require_finite(weights, f"{path.name} has weights that are not finite")
    return WeightsFile(header, weights, digest)


def digest_of(header: Mapping[str, Any], weights: Mapping[str, Tensor]) -> str:
    """Of the header as written, so that fields added later leave older files intact."""
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(weights):
        tensor = weights[name].contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def halved(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Floats as float16, half the size, but for tensors beyond its range; counters as they are."""
    return {k: value.half() if _fits_half(value) else value for k, value in weights.items()}


def single(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Floats as float32, to compute with; counters as they are."""
    return {
        k: value.float() if value.is_floating_point() else value for k, value in weights.items()
    }


def _fits_half(value: Tensor) -> bool:
    largest = torch.finfo(torch.float16).max
    return value.is_floating_point() and bool((~value.isfinite() | (value.abs() <= largest)).all())


def _require_finite(weights: Mapping[str, Tensor], what: str) -> None:
    broken = [key for key, value in weights.items() if not value.isfinite().all()]
    if broken:
        raise CheckpointError(f"{what}: {', '.join(broken)}", code="WEIGHTS_NOT_FINITE")
