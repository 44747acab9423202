"""A network that finds bone in slices, with everything needed to use it, in one file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from afunet.errors import CheckpointError, ConfigError
from afunet.models import build_model
from afunet.models.calibration import UNCALIBRATED, require_calibration
from afunet.models.expected_dice import DiceModel, model_beside
from afunet.models.weights_file import (
    FORMAT_VERSION,
    halved,
    read_weights,
    single,
    write_weights,
)
from afunet.plain import from_plain

METADATA_KEY = "afunet"
BONE = ("bone",)


@dataclass(frozen=True)
class Header:
    """Everything needed to use the weights, and where they come from.

    `window_hu` is scaled to [0, 1] for the network; `spacing_mm` is the range of pixel sizes in
    training; `patch_px` is the side of the square windows in training and at inference. With
    `any_size` the network may see windows of other sizes too, from 32 px up to whole slices
    (`afunet.inference.cutting`). `training` and `metrics` hold the data, recipe, commit and
    measured results. `classes` are the names of the output channels, in their order. A pixel gets
    its likeliest class if that probability reaches `threshold` (`afunet.models.head`).
    `calibration` (scale, offset) turns the probability into a calibrated one
    (`afunet.models.calibration`) and never changes the mask. `expected_dice` was fitted for these
    weights; it is read from a file beside them and never saved with them.
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
    classes: tuple[str, ...] = BONE
    any_size: bool = False
    expected_dice: DiceModel | None = None

    @property
    def input_slices(self) -> int:
        """The number of neighbouring slices that the network sees at once."""
        return int(self.options.get("input_slices", 1))

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
        """Return the network in evaluation mode, float32, on the CPU.

        Raises `CheckpointError` if weights and model do not fit.
        """
        try:
            options = {**self.header.options, "classes": len(self.header.classes)}
            model = build_model(self.header.model, options)
            model.load_state_dict(single(self.weights))
        except (ConfigError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise CheckpointError(
                f"the weights do not fit model {self.header.model!r}: {reason}",
                code="WEIGHTS_MISFIT",
            ) from error
        return model.eval()


def save_checkpoint(path: Path, model: nn.Module, header: Header, *, half: bool = False) -> str:
    """Write a checkpoint and return its digest; `half` stores floats as float16.

    Raises what `write_weights` raises.
    """
    weights = halved(model.state_dict()) if half else model.state_dict()
    return write_weights(path, METADATA_KEY, header.saved(), weights)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read and verify a checkpoint; raises `CheckpointError` unless it is intact."""
    file = read_weights(path, METADATA_KEY)
    header = _parsed(path.name, file.header)
    fitted = replace(header, expected_dice=model_beside(path, file.sha256))
    return Checkpoint(fitted, file.weights, file.sha256)


def require_classes(classes: Sequence[str]) -> None:
    """Raise `ValueError` unless there is at least one name and all differ."""
    if not classes or not all(classes) or len(set(classes)) != len(classes):
        raise ValueError(f"classes must have different names, got {list(classes)}")


def _parsed(name: str, raw: Mapping[str, Any]) -> Header:
    try:
        header = from_plain(Header, raw, "it")
        if not 0 < header.threshold < 1:
            raise ValueError(f"threshold {header.threshold}: expected one between 0 and 1")
        require_classes(header.classes)
        require_calibration(header.calibration)
    except (ValueError, ConfigError) as error:
        raise CheckpointError(
            f"{name} has a broken header: {error}", code="WEIGHTS_BROKEN"
        ) from error
    return header
