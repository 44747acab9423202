"""One file a network: safetensors weights and a JSON header, guarded by a SHA-256.

The file's metadata has one entry, `afunet`, a JSON object: the fields of `Header` and `sha256`,
the digest of the header and of every tensor's name, type, shape and bytes. Nothing is unpickled.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from afunet.errors import CheckpointError, ConfigError, OutputError
from afunet.models import build_model
from afunet.models.calibration import UNCALIBRATED, require_calibration
from afunet.models.expected_dice import DiceModel, model_beside

METADATA_KEY = "afunet"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class Header:
    """What must be known to use the weights, and where they come from.

    `window_hu` is scaled to [0, 1] for the network; `spacing_mm` is the range of pixel sizes it
    was trained for; `patch_px` the side of the square windows it was trained on and sees at
    inference; `training` and `metrics` tell the data, recipe, commit and measured results. A pixel
    is bone where its probability reaches `threshold`. `calibration` (scale, offset) makes that
    probability mean how often it is right (`afunet.models.calibration`); it never moves the mask.
    `expected_dice` is read from a file beside the weights, which it was fitted on, and never saved
    with them.
    """

    model: str
    options: Mapping[str, Any]
    window_hu: tuple[float, float]
    spacing_mm: tuple[float, float]
    patch_px: int
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    version: int = FORMAT_VERSION
    threshold: float = 0.5
    calibration: tuple[float, float] = UNCALIBRATED
    expected_dice: DiceModel | None = None

    def saved(self) -> dict[str, Any]:
        """The fields that are saved with the weights."""
        return {key: value for key, value in asdict(self).items() if key != "expected_dice"}


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A header, the weights it describes, and their digest."""

    header: Header
    weights: Mapping[str, Tensor]
    sha256: str

    def network(self) -> nn.Module:
        """The network in evaluation mode, float32, on the CPU; `CheckpointError` on a misfit."""
        try:
            model = build_model(self.header.model, self.header.options)
            model.load_state_dict(single(self.weights))
        except (ConfigError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise CheckpointError(
                f"the weights do not fit model {self.header.model!r}: {reason}",
                code="WEIGHTS_MISFIT",
            ) from error
        return model.eval()


def save_checkpoint(path: Path, model: nn.Module, header: Header, *, half: bool = False) -> str:
    """Write atomically and return the digest; `half` stores floats as float16, half the size.

    Raises `CheckpointError` for weights that are not finite (in float16, where that is asked
    for) and `OutputError` where the file cannot be written; neither leaves anything behind.
    """
    weights = halved(model.state_dict()) if half else model.state_dict()
    weights = {key: value.cpu().contiguous() for key, value in weights.items()}
    broken = [key for key, value in weights.items() if not value.isfinite().all()]
    if broken:
        raise CheckpointError(f"weights are not finite and were not saved: {', '.join(broken)}")
    digest = digest_of(header.saved(), weights)
    metadata = {METADATA_KEY: json.dumps({**header.saved(), "sha256": digest})}
    partial = path.with_name(path.name + ".partial")
    try:
        save_file(weights, str(partial), metadata)
        partial.replace(path)
    except (OSError, SafetensorError) as error:
        partial.unlink(missing_ok=True)
        raise OutputError(f"cannot write {path}: {error}") from error
    return digest


def load_checkpoint(path: Path) -> Checkpoint:
    """Read and verify; `CheckpointError` in one line for anything but an intact checkpoint."""
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
    if METADATA_KEY not in metadata:
        raise CheckpointError(
            f"{path.name} is a safetensors file, but not one of afunet's", code="WEIGHTS_FOREIGN"
        )
    raw = _raw(path.name, metadata[METADATA_KEY])
    expected = str(raw.pop("sha256"))
    header = _parse(path.name, raw)
    digest = digest_of(raw, weights)
    if digest != expected:
        raise CheckpointError(
            f"{path.name} was altered: its SHA-256 is {digest[:12]}…, its header says "
            f"{expected[:12]}…; fetch it again",
            code="WEIGHTS_ALTERED",
        )
    fitted = replace(header, expected_dice=model_beside(path, digest))
    return Checkpoint(fitted, weights, digest)


def halved(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Floats as float16, half the size, but for tensors beyond its range; counters as they are."""
    return {k: value.half() if _fits_half(value) else value for k, value in weights.items()}


def _fits_half(value: Tensor) -> bool:
    largest = torch.finfo(torch.float16).max
    return value.is_floating_point() and bool((~value.isfinite() | (value.abs() <= largest)).all())


def single(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Floats as float32, to compute with; counters as they are."""
    return {
        k: value.float() if value.is_floating_point() else value for k, value in weights.items()
    }


def _raw(name: str, text: str) -> dict[str, Any]:
    """The header as it was written, with its digest, of a version that can be read."""
    try:
        raw = dict(json.loads(text))
        if raw["version"] != FORMAT_VERSION:
            raise CheckpointError(
                f"{name} has format version {raw['version']}, this afunet reads {FORMAT_VERSION}",
                code="WEIGHTS_VERSION",
            )
        raw["sha256"]  # there
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{name} has a broken header: {error!r}", code="WEIGHTS_BROKEN"
        ) from error
    return raw


def _parse(name: str, raw: Mapping[str, Any]) -> Header:
    try:
        raw = {"calibration": UNCALIBRATED, **raw}  # files from before there was one
        pairs = {key: tuple(raw[key]) for key in ("window_hu", "spacing_mm", "calibration")}
        header = Header(**{**raw, **pairs})
        if not 0 < header.threshold < 1:
            raise ValueError(f"threshold {header.threshold}")
        require_calibration(header.calibration)
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{name} has a broken header: {error!r}", code="WEIGHTS_BROKEN"
        ) from error
    return header


def digest_of(header: Mapping[str, Any], weights: Mapping[str, Tensor]) -> str:
    """Of the header as written, so that fields added later leave older files intact."""
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(weights):
        tensor = weights[name].contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
