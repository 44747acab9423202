"""How sure a name is: by what speaks for it, kept in a file."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.refusals import refused

from afunet.anatomy.bones import Bone
from afunet.anatomy.evidence import FEATURES
from afunet.anatomy.naming import (
    SIDE_FEATURES,
    Networks,
    name_pieces,
    shipped_namer,
    shipped_networks,
)
from afunet.anatomy.sureness import Judge, Judges
from afunet.errors import CheckpointError
from afunet.geometry import Volume
from afunet.models.model_file import Network

LOW, HIGH = np.array([0.0, 10.0]), np.array([2.0, 30.0])
JUDGE = Judge(("a", "b"), LOW, HIGH, np.array([[0.0, 3, 0, 0, 0], [0, 0, 1, 0, -2]]))


def test_more_of_what_speaks_for_a_name_makes_it_surer_up_to_the_bound() -> None:
    values = np.array([[0.0, 20], [1, 20], [2, 20], [200, 20]])
    sure = JUDGE.sureness(np.zeros(4, dtype=int), values)
    assert sure == pytest.approx(1 / (1 + np.exp([3, 0, -3, -3])))


def test_each_class_has_its_own_weights() -> None:
    sure = JUDGE.sureness(np.array([0, 1]), np.array([[1.0, 30], [1, 30]]))
    assert sure == pytest.approx([0.5, 1 / (1 + np.e)])


def test_judges_come_back_from_their_file(tmp_path: Path) -> None:
    path = tmp_path / "judges.json"
    Judges(("femur", "tibia"), JUDGE, JUDGE).save(path, {"pieces": 3})
    found = Judges.load(path)
    assert found.classes == ("femur", "tibia")
    assert np.array_equal(found.side.weights, JUDGE.weights)
    assert found.bone.features == JUDGE.features


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"classes": [], "bone": 1, "side": 2}'])
def test_a_file_of_something_else_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "judges.json"
    path.write_text(text)
    with refused(CheckpointError, "WEIGHTS_BROKEN", path.name):
        Judges.load(path)


def test_the_shipped_judges_are_of_the_shipped_network_and_of_this_evidence() -> None:
    judges = shipped_networks().judges
    assert judges is not None
    assert judges.classes == shipped_namer().config.classes
    assert judges.bone.features == FEATURES
    assert judges.side.features == (*FEATURES, *SIDE_FEATURES)
    for judge in (judges.bone, judges.side):
        assert judge.weights.shape == (len(judges.classes), 1 + 2 * len(judge.features))
        assert np.isfinite(judge.weights).all()
        assert (judge.low < judge.high).all()
    json.dumps(judges.bone.written())


def drawn(inside: Callable[..., NDArray[np.bool_]]) -> Volume:
    """Voxels of 2 mm about (0, 0, 0) where a rule over x, y, z in mm holds."""
    z, y, x = (np.indices((40, 60, 60)) - np.array([20, 30, 30])[:, None, None, None]) * 2.0
    affine = np.diag([2.0, 2, 2, 1])
    affine[:3, 3] = (-60, -60, -40)
    return Volume(inside(x, y, z).astype(np.uint8), affine)


SHAPES: dict[str, Callable[..., NDArray[np.bool_]]] = {
    "ball": lambda x, y, z: x**2 + y**2 + z**2 < 30**2,
    "shell": lambda x, y, z: abs(np.sqrt(x**2 + y**2 + z**2) - 34) < 3,
    "cube": lambda x, y, z: np.maximum(np.maximum(abs(x), abs(y)), abs(z)) < 25,
    "plate": lambda x, y, z: (abs(x) < 50) & (abs(y) < 3) & (abs(z) < 35),
    "all": lambda x, y, z: x < 1e3,
    "six slices of a rod": lambda x, y, z: (np.hypot(x, y) < 12) & (abs(z) < 6),
    "two rods in six slices": lambda x, y, z: (np.hypot(abs(x) - 45, y) < 14) & (abs(z) < 6),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_no_leg_is_not_surely_named(shape: str) -> None:
    named = name_pieces(drawn(SHAPES[shape]))
    assert all(name.bone is Bone.UNKNOWN or name.sureness < 0.8 for name in named.names)


def test_without_judges_a_vote_is_its_own_sureness() -> None:
    labels = drawn(SHAPES["ball"])
    told = name_pieces(labels, Networks(shipped_namer())).names
    assert len(told) == 1
    assert isinstance(shipped_namer(), Network)
