"""Weights files of networks that are told whole by their configuration, in float16."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from torch import nn

from afunet.errors import CheckpointError, ConfigError
from afunet.models.weights_file import halved, read_weights, single, write_weights
from afunet.plain import from_plain

Model = TypeVar("Model", bound=nn.Module)


@dataclass(frozen=True)
class ModelFile(Generic[Model]):
    """How networks of one `kind`, as "bone names", are kept.

    `config` is the dataclass that `build` makes one of; a network has it as `.config`.
    """

    kind: str
    config: type
    build: Callable[[Any], Model]

    @property
    def entry(self) -> str:
        """The metadata's entry."""
        return f"afunet {self.kind}"

    def save(self, path: Path, model: Model, training: Mapping[str, Any]) -> str:
        """Write the weights with `training` beside them; see `write_weights`."""
        config: Any = model.config
        header = {"config": asdict(config), "training": dict(training)}
        return write_weights(path, self.entry, header, halved(model.state_dict()))

    def load(self, path: Path) -> Model:
        """The network in evaluation mode; `CheckpointError` for anything but an intact file."""
        file = read_weights(path, self.entry)
        try:
            model = self.build(from_plain(self.config, file.header.get("config"), "config"))
            model.load_state_dict(single(file.weights))
        except (ConfigError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise CheckpointError(
                f"{path.name} holds no intact {self.kind}: {reason}", code="WEIGHTS_BROKEN"
            ) from error
        return model.eval()
