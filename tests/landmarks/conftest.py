"""Limbs of the shape model, where they are."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from afunet.geometry import Mesh
from afunet.phantom.skeleton.mesh_bones import load_limb

LIMBS = Path(os.environ.get("AFUNET_DATA", "../shared/data")) / "shapes-llp26"


@cache
def _limb(number: int, side: str) -> dict[str, Mesh]:
    return load_limb(LIMBS / f"sample{number:02d}.npz", side)


@pytest.fixture
def limb() -> Callable[[int, str], dict[str, Mesh]]:
    """Bones of a limb by its number and side, skipped where the data is not."""
    if not LIMBS.is_dir():
        pytest.skip("needs shapes-llp26 below AFUNET_DATA")
    return _limb
