import json
from pathlib import Path

import pytest
from tests.refusals import refused

from afunet.errors import InputError
from afunet.formats.label_names import read_label_names

TABLES = {"bones": {"1": "femur left"}, "fragments": {"1": "femur left", "2": "tibia left 1"}}


def written(folder: Path, content: object) -> Path:
    path = folder / "labels.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_table_of_names_is_read(tmp_path: Path) -> None:
    assert read_label_names(written(tmp_path, {"7": "patella"})) == {7: "patella"}


def test_of_several_tables_the_one_asked_for_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, TABLES)
    assert read_label_names(path, "fragments") == {1: "femur left", 2: "tibia left 1"}
    assert read_label_names(path, "truth") == {}


@pytest.mark.parametrize("content", [[1], {"one": "a"}, {"-1": "a"}, {"1": 2}, {"1": " "}, 3])
def test_anything_else_is_refused(tmp_path: Path, content: object) -> None:
    with refused(InputError, "BAD_DESCRIPTION", "labels.json"):
        read_label_names(written(tmp_path, content))


def test_a_file_that_is_no_json_or_is_not_there_is_refused(tmp_path: Path) -> None:
    with refused(InputError, "BAD_TEXT", "labels.json"):
        read_label_names(written(tmp_path, "{"))
    with refused(InputError, "UNREADABLE", "nothing.json"):
        read_label_names(tmp_path / "nothing.json")
