"""The weights that come with the package, with the purpose of each and its score."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from safetensors import safe_open

SHIPPED_WEIGHTS = "afunet-w32.safetensors"
FAST_WEIGHTS = "afunet-s2w16.safetensors"
DEFAULT = "shipped"
DIGITS = 12


@dataclass(frozen=True)
class Shipped:
    """A weights file; `score` is that of docs/model-card.md, "" if the card has none."""

    name: str
    purpose: str
    score: str = ""


SHIPPED = (
    Shipped(SHIPPED_WEIGHTS, "the mask", "0.9765 on 67 checked knee slices of 7 cases (test)"),
    Shipped(FAST_WEIGHTS, "the mask, with --fast", "0.9764 on the same"),
    Shipped("bone-names.safetensors", "names of pieces"),
    Shipped("limb-sides.safetensors", "left and right of legs"),
    Shipped("contacts.safetensors", "fragments that touch"),
)


@dataclass(frozen=True)
class ShippedFacts:
    """The start of the SHA-256 of a weights file, and its training data, from its header."""

    sha256: str
    trained_on: str


def shipped_path(name: str = SHIPPED_WEIGHTS, *, fast: bool = False) -> Path:
    """The path of a weights file of the package; with `fast` that of the fast weights, if any."""
    folder = Path(str(files("afunet.models") / "weights"))
    return folder / (FAST_WEIGHTS if fast and (folder / FAST_WEIGHTS).is_file() else name)


def weights_path(given: str, base: Path = Path()) -> Path:
    """The path that a recipe means: "shipped", the name of a file of `SHIPPED`, or a path.

    A relative path is searched in the working directory, then beside `base`.
    """
    if given == DEFAULT or any(given == one.name for one in SHIPPED):
        return shipped_path(SHIPPED_WEIGHTS if given == DEFAULT else given)
    path = Path(given)
    return path if path.is_file() else base / path


def shipped_facts(shipped: Shipped) -> ShippedFacts:
    """Read the facts from the header of a file, without reading the weights."""
    with safe_open(str(shipped_path(shipped.name)), framework="np") as file:
        (header,) = (json.loads(text) for text in file.metadata().values())
    training: Mapping[str, Any] = header["training"]
    limbs = training.get("limbs", ())
    data = training.get("data") or [f"simulated legs of {len(limbs)} limbs (LLP26)"]
    return ShippedFacts(str(header["sha256"])[:DIGITS], ", ".join(data))
