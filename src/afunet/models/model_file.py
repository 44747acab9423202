"""One safetensors file for a network that is told whole by its configuration.

Its metadata hold, as JSON, the configuration, what it was trained on and a SHA-256 of both and of
the weights, which are float16. Nothing is unpickled.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from afunet.errors import CheckpointError
from afunet.models.checkpoint import digest_of, halved, single

Model = TypeVar("Model", bound=nn.Module)


@dataclass(frozen=True)
class ModelFile(Generic[Model]):
    """How networks of one `kind`, as "bone names", are kept.

    `config` is the dataclass that `build` makes one of; a network has it as `.config`.
    """

    kind: str
    config: Callable[..., Any]
    build: Callable[[Any], Model]

    @property
    def key(self) -> str:
        """The metadata's entry."""
        return f"afunet {self.kind}"

    def save(self, path: Path, model: Model, training: Mapping[str, Any]) -> str:
        """Write the weights with `training` beside them; returns the digest."""
        weights = {key: value.contiguous() for key, value in halved(model.state_dict()).items()}
        config: Any = model.config
        header = {"config": asdict(config), "training": dict(training)}
        header = json.loads(json.dumps(header))  # as it will be read
        digest = digest_of(header, weights)
        save_file(weights, str(path), {self.key: json.dumps({**header, "sha256": digest})})
        return digest

    def load(self, path: Path) -> Model:
        """The network in evaluation mode; `CheckpointError` for anything but an intact file."""
        try:
            with safe_open(str(path), framework="pt") as file:
                header = json.loads((file.metadata() or {})[self.key])
                weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            expected = header.pop("sha256")
            if digest_of(header, weights) != expected:
                raise ValueError("it was altered")
            fields = {key: _frozen(value) for key, value in header["config"].items()}
            model = self.build(self.config(**fields))
            model.load_state_dict(single(weights))
        except (SafetensorError, OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise CheckpointError(
                f"{path.name} holds no intact {self.kind}: {reason}", code="WEIGHTS_BROKEN"
            ) from error
        return model.eval()


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
