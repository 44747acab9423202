"""The options that all networks have: the numbers of input and output channels."""

from __future__ import annotations

from dataclasses import dataclass

from afunet.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """`input_slices` neighbouring slices go in, one channel of logits for each class comes out."""

    input_slices: int = 1
    classes: int = 1

    def __post_init__(self) -> None:
        if self.input_slices not in (1, 3, 5):
            raise ConfigError(f"input_slices must be 1, 3 or 5, got {self.input_slices}")
        if not 1 <= self.classes <= 255:
            raise ConfigError(f"classes must be 1 to 255, got {self.classes}")
