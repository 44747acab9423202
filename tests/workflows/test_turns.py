"""The order of a comparison's runs."""

from dataclasses import replace
from pathlib import Path

import pytest

from afunet.training.experiment import Experiment, load_experiment
from afunet.workflows.turns import turns_of

BASE = 'steps = 5\n[[data]]\npath = "knee"\n[experiment]\nlabel = "A"\ntable = "T"\n'


@pytest.fixture
def row(tmp_path: Path) -> Experiment:
    path = tmp_path / "a.toml"
    path.write_text(BASE)
    return load_experiment(path)


def test_every_row_has_its_first_seed_before_any_has_its_second(row: Experiment) -> None:
    rows = [
        replace(row, name="a", seeds=(1, 2, 3)),
        replace(row, name="grow", training=None, classical="clustering", seeds=()),
        replace(row, name="b", seeds=(4, 1)),
    ]
    assert [(turn.experiment.name, turn.seed) for turn in turns_of(rows)] == [
        ("a", 1),
        ("grow", None),
        ("b", 4),
        ("a", 2),
        ("b", 1),
        ("a", 3),
    ]


def test_a_turn_names_its_seed_only_among_several(row: Experiment) -> None:
    assert [turn.label for turn in turns_of([row])] == ["A"]
    assert [turn.label for turn in turns_of([replace(row, seeds=(1, 2))])] == [
        "A, seed 1",
        "A, seed 2",
    ]
