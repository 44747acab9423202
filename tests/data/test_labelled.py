"""A slice folder read through the same door as a store."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.refusals import refused

from afunet.data.labelled import load_labelled, read_records
from afunet.errors import InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for kind, value in (("images", 9), ("masks", 1)):
        (tmp_path / "k" / kind).mkdir(parents=True)
        for level in range(3):
            pixels = np.full((4, 5), value * max(level, 1), dtype=np.uint8).clip(0, 27)
            Image.fromarray(pixels.clip(0, 1) if value == 1 else pixels).save(
                tmp_path / "k" / kind / f"{level:02d}.png"
            )
    rows = [f"k,p,{level},train,auto,1" for level in range(3)]
    (tmp_path / "slices.csv").write_text(
        "\n".join(["case,patient,slice,split,status,labelled", *rows])
    )
    return tmp_path


def test_the_slices_of_a_split_come_with_their_neighbours(folder: Path) -> None:
    stacks = [item.grey[:, 0, 0].tolist() for item in load_labelled(folder, "train", 3)]
    assert stacks == [[9, 9, 9], [9, 9, 18], [9, 18, 18]]
    assert len(read_records(folder)) == 3


def test_a_split_without_slices_is_empty_and_not_an_error(folder: Path) -> None:
    assert load_labelled(folder, "val") == ()


def test_a_folder_that_is_neither_is_refused(tmp_path: Path) -> None:
    with refused(InputError, "NO_SLICE_TABLE", "slices.csv"):
        load_labelled(tmp_path, "train")
