"""Files are there whole or not at all."""

import pytest
from tests.refusals import refused

from afunet.errors import OutputError
from afunet.whole_file import whole_file


def test_a_finished_file_takes_its_name(tmp_path):
    with whole_file(tmp_path / "new" / "a.txt") as unfinished:
        unfinished.write_text("whole")
        assert not (tmp_path / "new" / "a.txt").exists()
    assert (tmp_path / "new" / "a.txt").read_text() == "whole"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.txt"]


def test_an_error_on_the_way_leaves_the_older_file(tmp_path):
    (tmp_path / "a.txt").write_text("older")

    def write_half():
        with whole_file(tmp_path / "a.txt") as unfinished:
            unfinished.write_text("ha")
            raise KeyError("stopped")

    with pytest.raises(KeyError):
        write_half()
    assert (tmp_path / "a.txt").read_text() == "older"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_full_disk_is_one_line(tmp_path):
    def write_half():
        with whole_file(tmp_path / "a.txt") as unfinished:
            unfinished.write_text("ha")
            raise OSError(28, "No space left on device")

    with refused(OutputError, "DISK_FULL", tmp_path / "a.txt"):
        write_half()
    assert list(tmp_path.iterdir()) == []
