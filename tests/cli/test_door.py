"""What every command has at its door."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from afunet.cli import app
from afunet.cli.door import SHOWN, at_home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    return tmp_path


def test_a_tilde_is_the_home_folder_wherever_a_path_stands(home: Path) -> None:
    assert at_home(Path("~/ct")) == home / "ct"
    assert at_home([Path("~"), Path("b")]) == [home, Path("b")]
    assert at_home((Path("~/a"), 1.0)) == (home / "a", 1.0)
    assert at_home("~/llp26/*.npz") == str(home / "llp26" / "*.npz")


@pytest.mark.parametrize(
    "value", [Path("a~"), "~approximately", "", 3, None, True, Path("~~nobody~")]
)
def test_anything_else_is_as_it_is(value: Any, home: Path) -> None:
    assert at_home(value) == value


def test_a_file_whose_name_begins_so_is_taken(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("~").mkdir()
    (Path("~") / "ct").touch()
    assert at_home(Path("~/ct")) == Path("~/ct")


def test_every_command_that_computes_shows_its_work_and_has_plain_switches() -> None:
    commands = dict(get_command(app).commands)  # type: ignore[attr-defined]
    commands |= commands.pop("compress").commands
    of_the_node = commands["node"].commands
    commands |= of_the_node
    at_once = {"models", "serve", "node", *of_the_node}
    for name, command in commands.items():
        options = {option.name: option for option in command.params}
        assert set(SHOWN) <= set(options) or name in at_once
        assert "work" not in options
        for option in command.params:
            assert not getattr(option, "secondary_opts", []), f"{name} {option.name}"
            if option.name != "help":
                text = getattr(option, "help", "") or ""
                assert text.endswith(".") or text.endswith(")."), f"{name} {option.name}: {text}"
