"""Where a compressed network comes from, and whether the data fit the network it is made of.

The lineage is a list in `training` of the header, the oldest step first. Each step has the method,
the SHA-256 of the weights it was made of, and facts of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from afunet.data.labelled import classes_of
from afunet.errors import CheckpointError, InputError
from afunet.models.checkpoint import Checkpoint, load_checkpoint
from afunet.models.header import Header
from afunet.models.shipped import DEFAULT, weights_path
from afunet.preprocessing import BONE_WINDOW

Lineage = Sequence[Mapping[str, Any]]


def parent_of(weights: Path | str | None, base: Path = Path()) -> Checkpoint:
    """The checkpoint that `weights_path` finds; None is the shipped one."""
    return load_checkpoint(weights_path(DEFAULT if weights is None else str(weights), base))


def descended(parent: Checkpoint, method: str, **facts: Any) -> Lineage:
    """The lineage of a network that `method` makes of its parent, the oldest step first."""
    earlier: Iterable[Mapping[str, Any]] = parent.header.training.get("lineage", ())
    return [*earlier, {"method": method, "parent": parent.sha256, **facts}]


def require_data_for(header: Header, folders: Iterable[Path]) -> None:
    """Raise an error unless the weights take the window and have the classes of the data."""
    window = (BONE_WINDOW.low_hu, BONE_WINDOW.high_hu)
    if header.window_hu != window:
        raise CheckpointError(
            f"the weights take the window {header.window_hu} HU, prepared slices have {window}: "
            "give weights trained on such slices",
            code="WEIGHTS_MISFIT",
        )
    for folder in folders:
        if (classes := classes_of(folder)) != header.classes:
            raise InputError(
                f"{folder.name} has the classes {', '.join(classes)}, the weights "
                f"{', '.join(header.classes)}: give data with the classes of the weights",
                code="CLASSES_DIFFER",
            )
