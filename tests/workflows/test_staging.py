import errno
import os
from pathlib import Path

import pytest

from afunet.errors import Cancelled, InputError, OutputError
from afunet.workflows.staging import check_writable, staged_folder


def fill(stage: Path, *names: str) -> None:
    for name in names:
        (stage / name).write_text(f"new {name}")


def test_files_appear_together_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "out"
    with staged_folder(target) as stage:
        fill(stage, "a", "b")
        assert not target.exists()
    assert {path.name: path.read_text() for path in target.iterdir()} == {
        "a": "new a",
        "b": "new b",
    }
    assert list(target.parent.iterdir()) == [target]


def test_files_and_folders_of_an_earlier_run_are_replaced(tmp_path: Path) -> None:
    for content in ("first", "second"):
        with staged_folder(tmp_path / "out") as stage:
            (stage / "ct.txt").write_text(content)
            (stage / "slices").mkdir()
            (stage / "slices" / content).touch()
    assert (tmp_path / "out" / "ct.txt").read_text() == "second"
    assert [path.name for path in (tmp_path / "out" / "slices").iterdir()] == ["second"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    "reason", [InputError("x"), OutputError("x"), Cancelled("x"), ValueError()]
)
def test_any_failure_leaves_nothing_not_even_the_folders_on_the_way(
    reason: Exception, tmp_path: Path
) -> None:
    def fail() -> None:
        with staged_folder(tmp_path / "a" / "b" / "out") as stage:
            fill(stage, "half")
            raise reason

    with pytest.raises(type(reason)):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_refuses_is_an_output_error_of_one_line(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match=r"cannot write to .*out: No space left") as raised,
        staged_folder(tmp_path / "out"),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_a_move_that_fails_halfway_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out"
    target.mkdir()
    for name in ("a", "b"):
        (target / name).write_text(f"older {name}")
    replace = os.replace

    def refuse_b(source: Path, place: Path) -> None:
        if Path(source).name == "b" and Path(source).read_text() == "new b":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        replace(source, place)

    monkeypatch.setattr(os, "replace", refuse_b)
    with pytest.raises(OutputError, match="Permission denied"), staged_folder(target) as stage:
        fill(stage, "a", "a new one", "b")
    assert {path.name: path.read_text() for path in target.iterdir()} == {
        "a": "older a",
        "b": "older b",
    }
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(OutputError, match="is a file"):
        check_writable(tmp_path / "out")
    with pytest.raises(OutputError, match="is a file"):
        check_writable(tmp_path / "out" / "below")
    with pytest.raises(OutputError, match="is a file"), staged_folder(tmp_path / "out"):
        pytest.fail("no stage for a file")


def test_a_folder_that_can_be_made_is_writable_and_not_made(tmp_path: Path) -> None:
    check_writable(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []
