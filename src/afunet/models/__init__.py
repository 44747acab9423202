"""The networks and their files.

Headers, weights files and ONNX files need no PyTorch. The table `MODELS` and `build_model` do, so
they are imported when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from afunet.models.registry import MODELS as MODELS
    from afunet.models.registry import build_model as build_model


def __getattr__(name: str) -> Any:
    """Import a name of the table of networks (PEP 562)."""
    if name not in ("MODELS", "build_model"):
        raise AttributeError(f"module 'afunet.models' has no attribute {name!r}")
    from afunet.models import registry

    return getattr(registry, name)
