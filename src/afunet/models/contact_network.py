"""What the network for contacts takes and gives: where two fragments of one broken bone touch."""

from __future__ import annotations

from dataclasses import dataclass

from afunet.errors import ConfigError
from afunet.models.model_file import ModelFile, Network


@dataclass(frozen=True)
class ContactConfig:
    """The grid's step in mm, and the channels at 1, 2, 4, 8, … steps.

    `inputs` are those of `fragments.contact_input`.
    """

    step_mm: float = 1.0
    inputs: int = 4
    widths: tuple[int, ...] = (8, 16, 32, 48, 64)

    def __post_init__(self) -> None:
        if len(self.widths) < 2 or min(self.widths) < 1 or not self.step_mm > 0:
            raise ConfigError(
                f"a contact network needs two or more widths from 1 on and a positive step, got "
                f"{self.widths} and {self.step_mm} mm"
            )

    @property
    def multiple(self) -> int:
        """Every side of the input must be a multiple of this."""
        return int(2 ** (len(self.widths) - 1))


ContactNetwork = Network[ContactConfig]
"""Inputs (N, inputs, D, H, W) → logits (N, 1, D, H, W), sides multiples of `multiple`."""
CONTACTS = ModelFile("contacts", ContactConfig)
"""The file formats of the network."""
