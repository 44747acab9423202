"""`node.toml`: whatever is wrong in it is one line with a code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import Outcome
from tests.node.conftest import free_port
from tests.refusals import refused

from afunet.errors import ConfigError
from afunet.node.config import load_config

GOOD = """
ae_title = "AFUNET"
data = "data"
[[peers]]
name = "pacs"
ae_title = "PACS"
host = "pacs.example"
port = 104
commitment = true
[[peers]]
name = "scanner"
ae_title = "CT1"
[[rules]]
name = "legs"
description = "knee|leg"
counted_by = "pacs"
[results]
send_to = ["pacs"]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "node.toml"
    path.write_text(text)
    return path


def test_a_good_file_is_read_and_its_paths_are_its_own_folders(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, GOOD))
    assert config.data == str(tmp_path / "data")
    assert config.calling_titles == ["PACS", "CT1"]
    rule = config.rule_for("CT", "Left KNEE")
    assert rule is not None
    assert rule.name == "legs"
    assert config.rule_for("MR", "Left knee") is None
    assert config.rule_for("CT", "skull") is None


@pytest.mark.parametrize(
    ("old", "new", "code", "fact"),
    [
        ('"AFUNET"', '"AFUNET OF THE THIRD FLOOR"', "AE_TITLE", 16),
        ('"AFUNET"', '""', "AE_TITLE", 16),
        ("port = 104", "port = 104000", "PORT", 104000),
        ("port = 104\ncommitment = true", "commitment = true", "PEER_ADDRESS", "pacs"),
        ('ae_title = "CT1"', 'ae_title = "CT1"\nget = true', "PEER_ADDRESS", "scanner"),
        ('host = "pacs.example"', "", "PEER_ADDRESS", "pacs"),
        ('send_to = ["pacs"]', 'send_to = ["archive"]', "PEER_UNKNOWN", "archive"),
        ('send_to = ["pacs"]', 'send_to = ["scanner"]', "PEER_ADDRESS", "scanner"),
        ('send_to = ["pacs"]', 'formats = ["docx"]', "RESULT_FORMATS", "docx"),
        ('send_to = ["pacs"]', 'formats = ["nifti"]', "RESULT_FORMATS", "nifti"),
        ('send_to = ["pacs"]', 'formats = ["sr"]', "OPTIONS_CLASH", "sr"),
        ('counted_by = "pacs"', 'counted_by = "scanner"', "PEER_ADDRESS", "scanner"),
        ("knee|leg", "knee(", "RULE_PATTERN", "legs"),
        ('counted_by = "pacs"', "least_slices = 0", "RULE_RANGE", "legs"),
        ('name = "scanner"', 'name = "pacs"', "NAME_TWICE", "pacs"),
        ('name = "scanner"', 'name = "a/b"', "PEER_NAME", "a/b"),
        ("port = 104", "port = 104\ntls = true", "CERTIFICATE", "tls"),
        ("[[rules]]", '[[pulls]]\npeer = "scanner"\n[[rules]]', "PEER_ADDRESS", "scanner"),
        ("port = 104", "port = 104\ncommitment_wait_s = 1e6", "RANGE", "pacs"),
        ("[[rules]]", '[[pulls]]\npeer = "pacs"\ndays = -1\n[[rules]]', "RANGE", "pacs"),
        ('data = "data"', 'data = "data"\nwrokers = 2', "CONFIG_ERROR", "wrokers"),
        ('data = "data"', 'data = "data"\nworkers = "2"', "CONFIG_ERROR", "workers"),
        ('data = "data"', 'data = "data"\nworkers = 0', "RANGE", "workers"),
        ('data = "data"\n', "", "CONFIG_ERROR", "data"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, old: str, new: str, code: str, fact: object) -> None:
    assert old in GOOD
    with refused(ConfigError, code, fact):
        load_config(written(tmp_path, GOOD.replace(old, new)))


def test_a_node_without_rules_is_refused(tmp_path: Path) -> None:
    with refused(ConfigError, "NO_RULES"):
        load_config(written(tmp_path, 'ae_title = "A"\ndata = "d"\nrules = []\n'))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ae_title = ", "BAD_TEXT"),
        ('[tls]\ncertificate="a"\nkey="b"\nauthority="c"', "CERTIFICATE"),
    ],
)
def test_a_node_that_cannot_start_says_why_in_one_line(
    tmp_path: Path, run_afunet: Callable[..., Outcome], text: str, code: str
) -> None:
    path = written(tmp_path, text if code == "BAD_TEXT" else GOOD + text)
    outcome = run_afunet("node", "--config", path)
    outcome.refused_as(code)
    assert outcome.code == 2


def test_a_port_in_use_and_a_folder_that_is_held_are_refused(
    tmp_path: Path, run_afunet: Callable[..., Outcome]
) -> None:
    import socket

    from afunet.node.home import Home

    port = free_port()
    path = written(tmp_path, GOOD.replace('"data"', f'"data"\nport = {port}', 1))
    with socket.create_server(("127.0.0.1", port)):
        taken = run_afunet("node", "-c", path)
    taken.refused_as("ADDRESS_TAKEN", port)
    assert taken.code == 2
    with Home(tmp_path / "data").alone():
        run_afunet("node", "-c", path).refused_as("FOLDER_IN_USE")


def test_a_status_before_any_node_ran_is_refused(
    tmp_path: Path, run_afunet: Callable[..., Outcome]
) -> None:
    run_afunet("node", "status", "-c", written(tmp_path, GOOD)).refused_as("NO_NODE")
    run_afunet("node", "-c", tmp_path / "node.toml", "status").refused_as("NO_NODE")
