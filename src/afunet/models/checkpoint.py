"""A network that finds bone in slices, with everything needed to use it, in one file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from afunet.errors import CheckpointError, ConfigError
from afunet.extras import require_extra
from afunet.models.expected_dice import model_beside
from afunet.models.header import METADATA_KEY, Header, header_of
from afunet.models.onnx_file import SUFFIX
from afunet.models.weights_file import Array, arrays_of, halved, read_weights, single, write_weights

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A header, the weights it describes, and their digest."""

    header: Header
    weights: Mapping[str, Array]
    sha256: str

    def network(self) -> nn.Module:
        """Return the network in evaluation mode, float32, on the CPU.

        Raises `CheckpointError` if weights and model do not fit, and `ConfigError` without PyTorch.
        """
        require_extra("torch")
        import torch

        from afunet.models.registry import build_model

        try:
            options = {**self.header.options, "classes": len(self.header.classes)}
            model = build_model(self.header.model, options)
            weights = single(self.weights)
            model.load_state_dict({key: torch.from_numpy(weights[key]) for key in weights})
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
    weights = arrays_of(model.state_dict())
    return write_weights(path, METADATA_KEY, header.saved(), halved(weights) if half else weights)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read and verify a checkpoint; raises `CheckpointError` unless it is intact."""
    if path.suffix.lower() == SUFFIX and path.is_file():
        raise CheckpointError(
            f"{path.name} is an ONNX file, which can only be run, not trained or compressed: give "
            "the safetensors file that it was made of",
            code="WEIGHTS_MISFIT",
        )
    file = read_weights(path, METADATA_KEY)
    header = header_of(path.name, file.header)
    fitted = replace(header, expected_dice=model_beside(path, file.sha256))
    return Checkpoint(fitted, file.weights, file.sha256)
