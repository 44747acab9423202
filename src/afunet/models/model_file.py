"""Weights files, in float16, of networks that their configuration describes completely."""

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
    """The file format for networks of one `kind`, such as "bone names".

    `build` makes a network from the dataclass `config`; the network keeps it as `.config`.
    """

    kind: str
    config: type
    build: Callable[[Any], Model]

    @property
    def entry(self) -> str:
        """The name of the entry in the file's metadata."""
        return f"afunet {self.kind}"

    def save(self, path: Path, model: Model, training: Mapping[str, Any]) -> str:
        """Write the weights and `training`, and return the digest; see `write_weights`."""
        config: Any = model.config
        header = {"config": asdict(config), "training": dict(training)}
        return write_weights(path, self.entry, header, halved(model.state_dict()))

    def load(self, path: Path) -> Model:
        """Read the network, in evaluation mode; raises `CheckpointError` unless it is intact."""
        file = read_weights(path, self.entry)
        try:
            model = self.build(from_plain(self.config, file.header.get("config"), "config"))
            model.load_state_dict(single(file.weights))
        except (ConfigError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise CheckpointError(
                f"{path.name} is not an intact network for {self.kind}: {reason}",
                code="WEIGHTS_BROKEN",
            ) from error
        return model.eval()
