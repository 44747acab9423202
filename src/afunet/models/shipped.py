"""The weights that come with the package: what each is for, and its score in the model card."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from safetensors import safe_open

SHIPPED_WEIGHTS = "afunet-w32.safetensors"
DIGITS = 12


@dataclass(frozen=True)
class Shipped:
    """A weights file by its name; `score` as docs/model-card.md has it, "" where that is silent."""

    name: str
    purpose: str
    score: str = ""


SHIPPED = (
    Shipped(SHIPPED_WEIGHTS, "the mask", "0.9715 on 67 checked knee slices of 7 cases (test)"),
    Shipped("bone-names.safetensors", "names of pieces"),
    Shipped("limb-sides.safetensors", "left and right of legs"),
)


@dataclass(frozen=True)
class ShippedFacts:
    """What a weights file says of itself: the start of its SHA-256, and its training data."""

    sha256: str
    trained_on: str


def shipped_path(name: str = SHIPPED_WEIGHTS) -> Path:
    """Where a weights file of the package lies."""
    return Path(str(files("afunet.models") / "weights" / name))


def shipped_facts(shipped: Shipped) -> ShippedFacts:
    """What the header of the file says; the weights are not looked at."""
    with safe_open(str(shipped_path(shipped.name)), framework="np") as file:
        (header,) = (json.loads(text) for text in file.metadata().values())
    training: Mapping[str, Any] = header["training"]
    limbs = training.get("limbs", ())
    data = training.get("data") or [f"simulated legs of {len(limbs)} limbs (LLP26)"]
    return ShippedFacts(str(header["sha256"])[:DIGITS], ", ".join(data))
