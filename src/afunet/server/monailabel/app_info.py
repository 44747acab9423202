"""What the server offers: the answer to `/info/`, from which 3D Slicer fills its lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from afunet.anatomy.bones import NAMED, Side
from afunet.anatomy.names import BoneName

NAME = "afunet"
SEGMENTATION = "segmentation"
LABELS: Mapping[str, int] = {
    str(BoneName(bone, side)): number
    for number, (bone, side) in enumerate(
        ((bone, side) for bone in NAMED for side in (tuple(Side) if bone.row.sided else (None,))),
        start=1,
    )
}
"""The names of whole bones; which labels a result has is told with the result."""


@dataclass(frozen=True)
class Model:
    """A network by the name that clients choose it by; `fast` as in `afunet segment --fast`."""

    name: str
    description: str
    fast: bool

    def to_json(self) -> dict[str, Any]:
        """Return the entry of `models`."""
        return {
            "type": SEGMENTATION,
            "labels": dict(LABELS),
            "dimension": 3,
            "description": self.description,
            "config": {},
        }


MODELS = {
    model.name: model
    for model in (
        Model("afunet", "Bones of the lower limb, each fragment a segment", fast=False),
        Model("afunet-fast", "The same with a smaller network", fast=True),
    )
}


@dataclass(frozen=True)
class Counts:
    """How many images are kept, and how many of them have a label that a person saved."""

    total: int = 0
    completed: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the state of the data store."""
        tags = {"final": self.completed} if self.completed else {}
        return {"total": self.total, "completed": self.completed, "label_tags": tags}


def app_info(version: str, counts: Counts) -> dict[str, Any]:
    """Return the answer to `/info/`. There is nothing to train and no strategy of choosing."""
    return {
        "name": NAME,
        "description": "Bones of the lower limb in CT. Research only, not a medical device",
        "version": version,
        "labels": list(LABELS),
        "models": {name: model.to_json() for name, model in MODELS.items()},
        "trainers": {},
        "strategies": {},
        "scoring": {},
        "train_stats": {},
        "datastore": counts.to_json(),
    }
