"""The configuration of a run, read from a TOML file and written beside the results."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from math import ceil, inf
from pathlib import Path
from typing import Any

from afunet.data.augment import AugmentConfig
from afunet.data.sampler import CropConfig
from afunet.errors import ConfigError
from afunet.models.shipped import DEFAULT
from afunet.plain import from_plain
from afunet.training.toml_file import read_toml

FINE_TUNE = Path(__file__).parent / "recipes" / "fine_tune.toml"


class Optimizer(StrEnum):
    """The optimizer: the paper uses SGD; AdamW needs fewer steps on a CPU."""

    SGD = "sgd"
    ADAMW = "adamw"


class Precision(StrEnum):
    """Number format of the network's forward and backward pass."""

    FP32 = "fp32"
    BF16 = "bf16"
    FP16 = "fp16"


class Schedule(StrEnum):
    """When the learning rate falls: at every step, or once per epoch as in the paper."""

    STEP = "step"
    EPOCH = "epoch"


@dataclass(frozen=True)
class DataConfig:
    """A store or slice folder (see docs/data.md) and how often crops are drawn from it.

    A relative path is searched in the working directory, in AFUNET_DATA's folder and beside the
    TOML file, in this order. If there is a teacher, it sees the slices only if they are `taught`;
    elsewhere the labels stand in for it. With `ignore_dark_lines`, the loss ignores thin dark lines
    inside the masks, which may be fractures that the labels close (`data.dark_lines`).
    """

    path: str
    weight: float = 1.0
    taught: bool = True
    ignore_dark_lines: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.weight < inf:
            raise ConfigError(f"[[data]] weight must not be negative or inf, got {self.weight}")


@dataclass(frozen=True)
class DistillationConfig:
    """Learning from the probabilities of a trained network (Hinton et al. 2015).

    `teacher` names a checkpoint with the same classes (`weights_path`). `weight` multiplies the
    cross-entropy with its calibrated probabilities. With `unlabelled`, training slices without
    labels join, labelled by the teacher.
    """

    teacher: str = DEFAULT
    weight: float = 1.0
    unlabelled: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.weight < inf:
            raise ConfigError(f"distillation.weight must be positive, got {self.weight}")


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that determines the result of a run.

    `start_from` names the weights to start from, of the same network (`weights_path`).
    `batch_size` counts the crops of an optimizer step over all processes; `accumulate` is the
    number of parts in which they pass through the network. Gradients are clipped to the norm
    `gradient_norm`; 0 turns this off. `gap_weight` is the weight in the loss of pixels in narrow
    gaps between bone. With `epochs`, training makes whole passes over the slices, whose number
    then determines `steps`.
    """

    data: tuple[DataConfig, ...]
    model: str = "afunet"
    options: Mapping[str, Any] = field(default_factory=dict)
    start_from: str = ""
    steps: int = 1000
    epochs: int = 0
    batch_size: int = 16
    accumulate: int = 1
    crop: CropConfig = field(default_factory=CropConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    spacing_mm: tuple[float, float] = (0.35, 0.95)
    optimizer: Optimizer = Optimizer.ADAMW
    learning_rate: float = 1e-3
    momentum: float = 0.9
    weight_decay: float = 1e-4
    schedule: Schedule = Schedule.STEP
    poly_power: float = 0.9
    warmup_steps: int = 0
    gradient_norm: float = 5.0
    focal_weight: float = 0.5
    focal_gamma: float = 2.0
    gap_weight: float = 1.0
    distillation: DistillationConfig | None = None
    average_decay: float = 0.0
    recalibration_batches: int = 0
    validate_every: int = 500
    precision: Precision = Precision.FP32
    deterministic: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        for name in (
            "steps",
            "batch_size",
            "accumulate",
            "validate_every",
            "learning_rate",
            "gap_weight",
        ):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name} must be positive, got {getattr(self, name)}")
        for name in (
            "seed",
            "epochs",
            "warmup_steps",
            "recalibration_batches",
            "weight_decay",
            "momentum",
            "focal_gamma",
        ):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"{name} must not be negative, got {getattr(self, name)}")
        if self.epochs and self.crop.sizes_px:
            raise ConfigError(
                "with epochs, all crops have one size, got crop.sizes_px "
                f"{list(self.crop.sizes_px)}: remove one of the two",
                code="OPTIONS_CLASH",
            )
        if "classes" in self.options:
            raise ConfigError("remove classes from options: the data determines them")
        if not any(entry.weight > 0 for entry in self.data):
            raise ConfigError(
                "a run needs at least one [[data]] entry with a weight above 0",
                code="NO_TRAINING_DATA",
            )
        taught = any(entry.taught and entry.weight > 0 for entry in self.data)
        if self.distillation is not None and not taught:
            raise ConfigError(
                "distillation needs a [[data]] entry that is taught, with a weight above 0",
                code="NO_TRAINING_DATA",
            )
        if not 0 <= self.average_decay < 1:
            raise ConfigError(f"average_decay must be in [0, 1), got {self.average_decay}")
        if self.batch_size % self.accumulate:
            raise ConfigError(
                f"batch_size {self.batch_size} must be a multiple of accumulate {self.accumulate}",
                code="BATCH_UNEVEN",
            )

    @property
    def input_slices(self) -> int:
        """How many neighbouring slices the network takes as input."""
        return int(self.options.get("input_slices", 1))

    def options_for(self, classes: int) -> dict[str, Any]:
        """The network's options for data with this number of classes."""
        return {**self.options, "classes": classes}

    def steps_for(self, slices: int) -> int:
        """Optimizer steps of the whole run for this number of training slices."""
        return ceil(self.epochs * slices / self.batch_size) if self.epochs else self.steps

    def epoch_steps(self, slices: int) -> int:
        """Optimizer steps between two changes of the learning rate."""
        return ceil(slices / self.batch_size) if self.schedule is Schedule.EPOCH else 1


def load_config(
    path: Path | None = None,
    data: Sequence[Path] = (),
    *,
    steps: int | None = None,
    learning_rate: float | None = None,
    batch_size: int | None = None,
) -> TrainingConfig:
    """Read a TOML file and the files that it extends; `ConfigError` for any mistake in them.

    Without a file, the recipe that fine-tunes the shipped weights is used. `data` and the other
    values replace those of the file; `steps` also turns off its `epochs`.
    """
    raw = read_toml(path or FINE_TUNE)
    given = {"steps": steps, "learning_rate": learning_rate, "batch_size": batch_size}
    raw.update({key: value for key, value in given.items() if value is not None})
    if steps is not None:
        raw["epochs"] = 0
    if data:
        raw["data"] = [{"path": str(folder)} for folder in data]
    return parse_config(raw)


def parse_config(raw: Mapping[str, Any]) -> TrainingConfig:
    """A configuration from parsed TOML or JSON."""
    if not isinstance(raw.get("data"), list | tuple):
        raise ConfigError(
            "a run needs at least one [[data]] entry with a path", code="NO_TRAINING_DATA"
        )
    return from_plain(TrainingConfig, raw, "the configuration")


def config_to_json(config: TrainingConfig) -> dict[str, Any]:
    """The inverse of `parse_config`."""
    return asdict(config)


def config_text(config: TrainingConfig) -> str:
    """The text of a run's `config.json`."""
    return json.dumps(config_to_json(config), indent=2, sort_keys=True)


def is_text_of(text: str, config: TrainingConfig) -> bool:
    """Whether a `config.json` is of this configuration.

    That of an earlier version lacks newer fields, which then had their defaults.
    """
    try:
        return config_text(parse_config(json.loads(text))) == config_text(config)
    except (ValueError, ConfigError):
        return False
