"""What the network for contacts takes and gives: where two fragments of one broken bone touch."""

from __future__ import annotations

from dataclasses import dataclass

from afunet.errors import ConfigError
from afunet.models.model_file import ModelFile, Network


@dataclass(frozen=True)
class ContactConfig:
    """The grid's step in mm, and the channels at 2, 4, 8, … steps.

    `inputs` are those of `fragments.contact_input`; `outputs` the maps that it gives, of which the
    first is the contact.
    """

    step_mm: float = 1.0
    inputs: int = 3
    outputs: int = 1
    widths: tuple[int, ...] = (24, 40, 56, 64)

    def __post_init__(self) -> None:
        if not self.widths or min(self.widths) < 1 or not self.step_mm > 0:
            raise ConfigError(
                f"a contact network needs widths from 1 and a positive step, got {self.widths} "
                f"and {self.step_mm} mm"
            )

    @property
    def multiple(self) -> int:
        """Every side of the input must be a multiple of this."""
        return int(2 ** len(self.widths))


ContactNetwork = Network[ContactConfig]
"""Inputs (N, inputs, D, H, W) → logits (N, outputs, D, H, W), sides multiples of `multiple`."""
CONTACTS = ModelFile("contacts", ContactConfig)
"""The file formats of the network."""
