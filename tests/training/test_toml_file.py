from pathlib import Path

import pytest
from tests.refusals import refused

from afunet.errors import ConfigError
from afunet.training.toml_file import read_experiment_table, read_toml


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_says_only_what_differs_from_the_one_it_extends(tmp_path: Path) -> None:
    write(
        tmp_path / "base.toml",
        'steps = 10\nmodel = "afunet"\noptions = { width = 4, depth = 2 }\n'
        '[[data]]\npath = "a"\n[[data]]\npath = "b"\n',
    )
    child = write(
        tmp_path / "rows" / "child.toml",
        'extends = "../base.toml"\noptions = { width = 8 }\n[[data]]\npath = "c"\n',
    )
    assert read_toml(child) == {
        "steps": 10,
        "model": "afunet",
        "options": {"width": 8, "depth": 2},  # tables key by key
        "data": [{"path": "c"}],  # arrays replaced
    }


def test_a_grandparent_counts_less_than_a_parent(tmp_path: Path) -> None:
    write(tmp_path / "a.toml", "steps = 1\nseed = 1\nbatch_size = 1\n")
    write(tmp_path / "b.toml", 'extends = "a.toml"\nsteps = 2\nseed = 2\n')
    last = write(tmp_path / "c.toml", 'extends = "b.toml"\nsteps = 3\n')
    assert read_toml(last) == {"steps": 3, "seed": 2, "batch_size": 1}


def test_the_experiment_table_is_apart_and_not_inherited(tmp_path: Path) -> None:
    parent = write(tmp_path / "a.toml", 'steps = 1\n[experiment]\nlabel = "A"\n')
    child = write(tmp_path / "b.toml", 'extends = "a.toml"\n')
    assert read_toml(parent) == {"steps": 1}
    assert read_experiment_table(parent) == {"label": "A"}
    assert read_toml(child) == {"steps": 1}
    assert read_experiment_table(child) is None


def test_a_circle_is_refused_by_name(tmp_path: Path) -> None:
    first = write(tmp_path / "a.toml", 'extends = "b.toml"\n')
    write(tmp_path / "b.toml", 'extends = "a.toml"\n')
    with refused(ConfigError, "EXTENDS_IN_CIRCLE", "a.toml → b.toml → a.toml"):
        read_toml(first)


@pytest.mark.parametrize(
    ("text", "code", "named"),
    [
        ('extends = "none.toml"', "UNREADABLE", "none.toml"),
        ("extends = 3", "CONFIG_ERROR", "3"),
        ("steps = ", "BAD_TEXT", "a.toml"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path: Path, text: str, code: str, named: str) -> None:
    with refused(ConfigError, code, named):
        read_toml(write(tmp_path / "a.toml", text))


def test_an_experiment_that_is_no_table_is_refused(tmp_path: Path) -> None:
    with refused(ConfigError, "CONFIG_ERROR", "[experiment]", 3):
        read_experiment_table(write(tmp_path / "a.toml", "experiment = 3"))
