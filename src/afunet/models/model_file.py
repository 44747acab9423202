"""Files of networks that their configuration describes completely: weights in float16, and ONNX."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from afunet.errors import CheckpointError, ConfigError
from afunet.extras import require_extra
from afunet.models.onnx_file import read_onnx
from afunet.models.onnx_session import open_session
from afunet.models.weights_file import arrays_of, halved, read_weights, single, write_weights
from afunet.plain import from_plain

if TYPE_CHECKING:
    from torch import nn

Config = TypeVar("Config")
Module = TypeVar("Module", bound="nn.Module")
Float32Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Network(Generic[Config]):
    """A network that onnxruntime runs, and its configuration."""

    config: Config
    session: Any

    def __call__(self, inputs: Float32Array) -> Float32Array:
        """Return the outputs for inputs whose first axis has any length but 0."""
        (told,) = self.session.run(None, {"windows": np.require(inputs, np.float32, ["C"])})
        return np.asarray(told)


@dataclass(frozen=True)
class ModelFile(Generic[Config]):
    """The file formats for networks of a `kind`, such as "bone names"; `config` is a dataclass."""

    kind: str
    config: type[Config]

    @property
    def entry(self) -> str:
        """The name of the entry in the file's metadata."""
        return f"afunet {self.kind}"

    def save(self, path: Path, module: nn.Module, training: Mapping[str, Any]) -> str:
        """Write the weights of a module and `training`, and return the digest (`write_weights`)."""
        config: Any = module.config
        header = {"config": asdict(config), "training": dict(training)}
        return write_weights(path, self.entry, header, halved(arrays_of(module.state_dict())))

    def load_module(self, path: Path, build: Callable[[Config], Module]) -> Module:
        """Read the weights into a module, in evaluation mode.

        Raises `CheckpointError` unless the file is intact, and `ConfigError` without PyTorch.
        """
        require_extra("torch")
        import torch

        file = read_weights(path, self.entry)
        weights = single(file.weights)
        try:
            module = build(self._config(path.name, file.header))
            module.load_state_dict({key: torch.from_numpy(weights[key]) for key in weights})
        except RuntimeError as error:
            raise self._broken(path.name, error) from error
        return module.eval()

    def load(self, path: Path) -> Network[Config]:
        """Read the network from its ONNX file; raises `CheckpointError` unless it is intact."""
        file = read_onnx(path, self.entry)
        return Network(self._config(path.name, file.header), open_session(file.content))

    def _config(self, name: str, header: Mapping[str, Any]) -> Config:
        try:
            return from_plain(self.config, header.get("config"), "config")
        except ConfigError as error:
            raise self._broken(name, error) from error

    def _broken(self, name: str, error: Exception) -> CheckpointError:
        reason = str(error).splitlines()[0]
        return CheckpointError(
            f"{name} is not an intact network for {self.kind}: {reason}", code="WEIGHTS_BROKEN"
        )
