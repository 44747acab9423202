"""`afunet edit` as a user types it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from afunet.formats.nifti import write_nifti
from afunet.formats.readers import read_labels
from afunet.geometry import Volume
from afunet.workflows.reconstruct import reconstruct

pytestmark = pytest.mark.usefixtures("small_pictures")
Run = Callable[..., Any]


@pytest.fixture
def pieces(tmp_path: Path) -> Path:
    voxels = np.zeros((14, 20, 30), np.uint8)
    voxels[2:10, 5:15, 3:15] = voxels[2:10, 5:15, 20:27] = 1
    write_nifti(Volume(voxels, np.eye(4)), tmp_path / "mask.nii.gz")
    reconstruct(tmp_path / "mask.nii.gz", tmp_path / "out")
    return tmp_path / "out" / "pieces.json"


def labels(pieces: Path) -> list[int]:
    return [int(one) for one in np.unique(read_labels(pieces.parent / "instances.nii.gz").voxels)]


def test_a_piece_is_parted_named_listed_and_brought_back(pieces: Path, run_afunet: Run) -> None:
    done = run_afunet("edit", pieces, "--part", 1, "--seed=5,10,5", "--seed", "12,10,5")
    assert (done.code, labels(pieces)) == (0, [0, 1, 2, 3])
    done = run_afunet("edit", pieces, "--rename", "piece 3", "--to", "right fibula")
    assert done.code == 0
    assert (pieces.parent / "bones" / "right-fibula.stl").is_file()
    listed = run_afunet("edit", pieces.parent, "--list").out.splitlines()
    assert [line.split()[0] for line in listed] == ["1", "2"]
    assert run_afunet("edit", pieces, "--join", "1, right fibula").code == 0
    assert labels(pieces) == [0, 1, 2]
    assert run_afunet("edit", pieces, "--erase", 2).code == 0
    for _ in range(4):
        assert run_afunet("edit", pieces, "--undo").code == 0
    assert labels(pieces) == [0, 1, 2]
    assert run_afunet("edit", pieces, "--list").out == "no corrections\n"


def test_a_piece_is_called_whole_without_a_change_of_the_labels(
    pieces: Path, run_afunet: Run
) -> None:
    before = read_labels(pieces.parent / "instances.nii.gz").voxels
    assert run_afunet("edit", pieces, "--whole", "1,2").code == 0
    assert np.array_equal(read_labels(pieces.parent / "instances.nii.gz").voxels, before)
    assert run_afunet("edit", pieces, "--list").out.split()[-3:] == ["whole", "1,", "2"]
    assert run_afunet("edit", pieces, "--undo").code == 0


@pytest.mark.parametrize(
    ("options", "code", "fact"),
    [
        ((), "NOTHING_GIVEN", "--join"),
        (("--join", "1,2", "--undo"), "OPTIONS_CLASH", "--undo"),
        (("--join", "1,2", "--seed", "1,2,3"), "OPTIONS_CLASH", "--seed"),
        (("--rename", "1"), "OPTIONS_CLASH", "--to"),
        (("--erase", ""), "PIECES_MISCOUNTED", "0"),
        (("--erase", "7"), "LABEL_UNKNOWN", "7"),
        (("--erase", "piece 7"), "UNKNOWN_NAME", "piece 7"),
        (("--part", "1", "--seed", "1,2"), "CONFIG_ERROR", "1,2"),
        (("--part", "1", "--seed", "5,10,5"), "SEEDS_TOO_FEW", "1"),
        (("--whole", "7"), "LABEL_UNKNOWN", "7"),
        (("--undo",), "NOTHING_TO_UNDO", ""),
    ],
)
def test_a_wrong_call_is_one_line(
    pieces: Path, run_afunet: Run, options: tuple[str, ...], code: str, fact: str
) -> None:
    run_afunet("edit", pieces, *options).refused_as(code, fact)
    assert not (pieces.parent / "edits.json").exists()
