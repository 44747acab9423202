"""A slice folder of two simulated patients: bright discs on dark grey."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def disc(rows: int, columns: int, centre: tuple[float, float], radius: float) -> np.ndarray:
    row, column = np.mgrid[:rows, :columns]
    inside = np.hypot(row - centre[0], column - centre[1]) <= radius
    return np.asarray(inside, dtype=np.uint8)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """`slices.csv` with four training slices of one case and two validation slices of another."""
    folder = tmp_path / "store"
    rng = np.random.default_rng(0)
    lines = ["case,patient,slice,split,status,labelled"]
    for case, split, levels in (("leg01", "train", 4), ("leg02", "val", 2)):
        for kind in ("images", "masks"):
            (folder / case / kind).mkdir(parents=True)
        for level in range(levels):
            mask = disc(40, 48, (18 + 2 * level, 24), 9)
            grey = 60 + 120 * mask + rng.integers(0, 20, mask.shape, dtype=np.uint8)
            Image.fromarray(grey.astype(np.uint8)).save(folder / case / f"images/{level:02d}.png")
            Image.fromarray(mask).save(folder / case / f"masks/{level:02d}.png")
            lines.append(f"{case},{case},{level},{split},checked,1")
    (folder / "slices.csv").write_text("\n".join(lines) + "\n")
    return folder
