import errno
import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.refusals import holds, refused

from afunet.errors import Cancelled, InputError, OutputError
from afunet.temporary import LOCK, UNFINISHED
from afunet.workflows import folder_lock
from afunet.workflows.exchange import take_back_exchanges
from afunet.workflows.folder_lock import alone_in
from afunet.workflows.own_files import LIST, removal_note
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
        with staged_folder(tmp_path / "out", "phantom") as stage:
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
        refused(OutputError, "DISK_FULL", tmp_path / "out"),
        staged_folder(tmp_path / "out"),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
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
    with refused(OutputError, "EACCES"), staged_folder(target) as stage:
        fill(stage, "a", "a new one", "b")
    assert {path.name: path.read_text() for path in target.iterdir()} == {
        "a": "older a",
        "b": "older b",
    }
    assert list(tmp_path.iterdir()) == [target]


def write(target: Path, command: str, **files: str) -> None:
    """One run: files by name, `__` for the / on the way."""
    with staged_folder(target, command) as stage:
        for name, content in files.items():
            path = stage / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)


def content(target: Path) -> dict[str, str]:
    return {
        path.relative_to(target).as_posix(): path.read_text()
        for path in target.rglob("*")
        if path.is_file() and path.name != LIST
    }


def test_what_the_last_run_wrote_and_this_one_does_not_is_taken_away_and_said(
    tmp_path: Path,
) -> None:
    write(tmp_path, "reconstruct", bone="a", bones__tibia="a", bones__fibula="a", glb="a")
    write(tmp_path, "reconstruct", bone="b", bones__femur="b")
    assert content(tmp_path) == {"bone": "b", "bones/femur": "b"}
    (line,) = removal_note(tmp_path, "reconstruct")
    assert holds(line, 3, "bones/fibula, bones/tibia, glb")
    write(tmp_path, "reconstruct", bone="c")
    assert content(tmp_path) == {"bone": "c"}
    assert not (tmp_path / "bones").exists()
    write(tmp_path, "reconstruct", bone="d")
    assert removal_note(tmp_path, "reconstruct") == []


def test_foreign_files_stay_wherever_they_lie(tmp_path: Path) -> None:
    write(tmp_path, "reconstruct", bone="a", bones__tibia="a")
    for name in ("notes", "bones/mine"):
        (tmp_path / name).write_text("mine")
    write(tmp_path, "reconstruct", bone="b", bones__femur="b")
    write(tmp_path, "reconstruct", bone="c")
    assert content(tmp_path) == {"notes": "mine", "bones/mine": "mine", "bone": "c"}


def test_another_commands_files_stay_but_for_those_written_over(tmp_path: Path) -> None:
    write(tmp_path, "segment", mask="s", bone="s", bones__tibia="s")
    write(tmp_path, "reconstruct", bone="r", bones__femur="r")
    assert content(tmp_path) == {
        "mask": "s",
        "bone": "r",
        "bones/tibia": "s",
        "bones/femur": "r",
    }
    write(tmp_path, "segment", mask="t")  # the bone is now the other command's
    assert content(tmp_path) == {"mask": "t", "bone": "r", "bones/femur": "r"}


def test_a_file_that_was_changed_since_is_never_lost(tmp_path: Path) -> None:
    write(tmp_path, "segment", mask="a", bones__tibia="a")
    for name in ("mask", "bones/tibia"):  # one to be written over, one to be taken away
        kept = (tmp_path / name).read_text()
        (tmp_path / name).write_text("corrected by hand")
        before = content(tmp_path)
        with refused(OutputError, "RESULT_CHANGED", name):
            check_writable(tmp_path, "segment")
        with refused(OutputError, "RESULT_CHANGED", name):
            write(tmp_path, "segment", mask="b")
        assert content(tmp_path) == before
        (tmp_path / name).write_text(kept)
    check_writable(tmp_path, "segment")
    (tmp_path / "mask").write_text("corrected by hand")
    check_writable(tmp_path, "reconstruct")  # another command may take it as its input
    write(tmp_path, "reconstruct", bone="r")
    with refused(OutputError, "RESULT_CHANGED", "mask"):
        write(tmp_path, "reconstruct", mask="r")  # and not write over it


def test_files_that_were_moved_away_are_no_hindrance(tmp_path: Path) -> None:
    write(tmp_path, "segment", mask="a", bone="a")
    (tmp_path / "mask").unlink()
    check_writable(tmp_path, "segment")
    write(tmp_path, "segment", mask="b")
    assert content(tmp_path) == {"mask": "b"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"reconstruct": 3}',
        '{"reconstruct": {"files": ["bone"], "removed": []}}',
        '{"reconstruct": {"files": {"../mine": "DIGEST", "/tmp/mine": "DIGEST"}, "removed": []}}',
    ],
)
def test_a_list_that_makes_no_sense_makes_all_files_foreign(tmp_path: Path, text: str) -> None:
    out = tmp_path / "out"
    write(out, "reconstruct", bone="a", glb="a")
    (tmp_path / "mine").write_text("mine")
    digest = hashlib.sha256(b"mine").hexdigest()
    (out / LIST).write_text(text.replace("DIGEST", digest))
    write(out, "reconstruct", bone="b")
    assert content(out) == {"bone": "b", "glb": "a"}
    assert (tmp_path / "mine").read_text() == "mine"


def test_files_taken_away_come_back_when_the_new_ones_cannot_move(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out"
    write(target, "reconstruct", bone="a", bones__tibia="a", glb="a")
    before = content(target), (target / LIST).read_text()
    replace = os.replace

    def refuse_last(source: Path, place: Path) -> None:
        if Path(place) == target / "scene":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        replace(source, place)

    monkeypatch.setattr(os, "replace", refuse_last)
    with refused(OutputError, "EACCES"):
        write(target, "reconstruct", bone="b", bones__femur="b", new__deep__file="b", scene="b")
    assert (content(target), (target / LIST).read_text()) == before
    assert sorted(path.name for path in target.iterdir()) == [LIST, "bone", "bones", "glb"]


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with refused(OutputError, "NOT_A_FOLDER", tmp_path / "out"):
        check_writable(tmp_path / "out")
    with refused(OutputError, "NOT_A_FOLDER", tmp_path / "out"):
        check_writable(tmp_path / "out" / "below")
    with refused(OutputError, "NOT_A_FOLDER", tmp_path / "out"), staged_folder(tmp_path / "out"):
        pytest.fail("no stage for a file")


def test_a_folder_that_can_be_made_is_writable_and_not_made(tmp_path: Path) -> None:
    check_writable(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


WRITE = """
import sys
from pathlib import Path
from afunet.workflows.staging import check_writable, staged_folder

target, run, names = Path(sys.argv[1]), sys.argv[2], sys.argv[3].split()
for turn in range(25):
    check_writable(target, "segment")
    with staged_folder(target, "segment") as stage:
        for name in names:
            (stage / name).parent.mkdir(exist_ok=True)
            (stage / name).write_text(f"{run} {turn} " * 2000)
"""


def test_runs_into_one_folder_at_the_same_moment_take_turns_and_the_last_wins_whole(
    tmp_path: Path,
) -> None:
    names = {"one": "a b bones/x", "two": "b c bones/y", "three": "a c d"}
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", WRITE, str(tmp_path / "deep" / "out"), run, own],
            stderr=subprocess.PIPE,
            text=True,
        )
        for run, own in names.items()
    ]
    told = [run.communicate()[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0], told
    out = tmp_path / "deep" / "out"
    left = {p.relative_to(out).as_posix(): p for p in out.rglob("*") if p.is_file()}
    own = left.keys() - {LIST}
    assert own in [set(names[run].split()) for run in names]
    assert len({left[name].read_text() for name in own}) == 1
    assert [path.name for path in out.parent.iterdir()] == ["out"]
    check_writable(out, "segment")


def test_who_holds_a_folder_for_long_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_lock, "WAIT_SECONDS", 0.2)
    with alone_in(tmp_path / "out"):
        with refused(OutputError, "FOLDER_IN_USE") as raised:  # noqa: SIM117
            with staged_folder(tmp_path / "out") as stage:
                fill(stage, "a")
        with alone_in(tmp_path / "other"):
            pass
    assert raised.value.code == "FOLDER_IN_USE"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "code"), [("bone.stl", "PLACE_TAKEN"), ("bones/*.stl", "NOT_A_FOLDER")]
)
def test_something_else_in_the_place_of_a_result_is_told_before_the_work(
    name: str, code: str, tmp_path: Path
) -> None:
    if "/" in name:
        (tmp_path / "bones").write_text("mine")
    else:
        (tmp_path / name).mkdir()
    check_writable(tmp_path, "segment", ["mask.nii.gz"])
    with refused(OutputError, code):
        check_writable(tmp_path, "segment", ["mask.nii.gz", name])


def test_a_link_that_leads_nowhere_is_told_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to(tmp_path / "gone")
    with refused(OutputError, "NO_SUCH_PATH", tmp_path / "out"):
        check_writable(tmp_path / "out" / "a")


def killed_at(move: int, target: Path) -> bool:
    """Write new files in a process that is killed at a move; return whether it came so far."""
    process = os.fork()
    if process == 0:
        replace, done = os.replace, iter(range(99))

        def kill(source: Path, place: Path) -> None:
            if next(done) == move:
                os.kill(os.getpid(), signal.SIGKILL)
            replace(source, place)

        os.replace = kill  # type: ignore[assignment]
        write(target, "segment", a="new", c="new", deep__in__d="new")
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(process, 0)[1])


def test_a_process_killed_between_two_moves_leaves_the_old_files_or_the_new(tmp_path: Path) -> None:
    target, move = tmp_path / "out", 0
    older = {"a": "old", "b": "old", "deep/in/e": "old", "mine": "old"}
    new = {"a": "new", "c": "new", "deep/in/d": "new", "mine": "old"}
    while True:
        write(target, "segment", a="old", b="old", deep__in__e="old")
        (target / "mine").write_text("old")
        if not killed_at(move, target):
            break
        check_writable(target, "segment")
        assert content(target) == older
        move += 1
    assert content(target) == new
    assert move >= 7  # three files that go, four that come
    assert list(tmp_path.iterdir()) == [target]


def test_what_is_killed_while_it_is_taken_back_is_taken_back_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, replace = tmp_path / "out", os.replace
    write(target, "segment", a="old", b="old")
    assert killed_at(4, target)
    assert content(target) != {"a": "old", "b": "old"}

    def refuse(source: Path, place: Path) -> None:
        if Path(source).name == "b":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        replace(source, place)

    monkeypatch.setattr(os, "replace", refuse)
    take_back_exchanges(tmp_path)
    assert "b" not in content(target)
    monkeypatch.setattr(os, "replace", replace)
    take_back_exchanges(tmp_path)
    assert content(target) == {"a": "old", "b": "old"}


@pytest.mark.parametrize("journal", ["", "{}", '{"target": "../out", "new": []}'])
def test_a_journal_of_something_else_moves_nothing(tmp_path: Path, journal: str) -> None:
    target = tmp_path / "in" / "out"
    write(target, "segment", a="old")
    left = tmp_path / "in" / ".afunet-left"
    (left / "content" / "older").mkdir(parents=True)
    (left / LOCK).touch()
    (left / "content" / "older" / "a").write_text("foreign")
    (left / UNFINISHED).write_text(journal)
    take_back_exchanges(tmp_path / "in")
    assert content(target) == {"a": "old"}
    assert (left / "content" / "older" / "a").is_file()
