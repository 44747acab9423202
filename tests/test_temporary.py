"""Folders that are gone when the work is done."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from afunet.temporary import LOCK, temporary_folder

PREFIX = "afunet-test-"
KILLED = """
import os, signal, sys
from pathlib import Path
from afunet.temporary import temporary_folder
with temporary_folder("afunet-test-", Path(sys.argv[1])) as folder:
    (folder / "patient").write_text("data")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("error", [None, ValueError("x"), KeyboardInterrupt()])
def test_a_folder_goes_however_its_work_ends(error: BaseException | None, tmp_path: Path) -> None:
    def work() -> None:
        with temporary_folder(PREFIX, tmp_path) as folder:
            assert list(folder.iterdir()) == []
            (folder / "a" / "b").mkdir(parents=True)
            if error is not None:
                raise error

    if error is None:
        work()
    else:
        with pytest.raises(type(error)):
            work()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_only_what_a_dead_process_left_is_removed(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, tmp_path], check=False)
    (left,) = tmp_path.iterdir()
    assert (left / "content" / "patient").is_file()
    strange = tmp_path / f"{PREFIX}of-somebody"
    strange.mkdir()
    (strange / "mine").touch()
    linked = tmp_path / f"{PREFIX}link"
    linked.symlink_to(strange)
    with temporary_folder(PREFIX, tmp_path) as first, temporary_folder(PREFIX, tmp_path) as second:
        assert not left.exists()
        assert (first.parent / LOCK).is_file()
        assert first.is_dir()
        assert second.is_dir()
    assert {path.name for path in tmp_path.iterdir()} == {strange.name, linked.name}
