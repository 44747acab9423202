"""Everything needed to use the weights of a network, and where they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from afunet.errors import CheckpointError, ConfigError
from afunet.models.calibration import UNCALIBRATED, require_calibration
from afunet.models.expected_dice import DiceModel
from afunet.models.weights_file import FORMAT_VERSION
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


def header_of(name: str, raw: Mapping[str, Any]) -> Header:
    """Return the header that a file called `name` holds; raises `CheckpointError` if it is none."""
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


def require_classes(classes: Sequence[str]) -> None:
    """Raise `ValueError` unless there is at least one name and all differ."""
    if not classes or not all(classes) or len(set(classes)) != len(classes):
        raise ValueError(f"classes must have different names, got {list(classes)}")
