"""The main process: parts that end are started again, and the health page tells of them."""

from __future__ import annotations

import socket
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import requests
from tests.node.conftest import environment, free_port, until
from tests.refusals import refused

from afunet.errors import ConfigError
from afunet.node.config import NodeConfig
from afunet.node.health import showing_health
from afunet.node.run import FIRST_WAIT_S, SILENT_S, Node, Part


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_part_that_ends_is_started_again_later_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", environment()["PYTHONPATH"])
    clock = Clock()
    part = Part("receiver", tmp_path / "missing.toml", clock)
    part.start()
    for wait_s in (FIRST_WAIT_S, 2 * FIRST_WAIT_S):
        restarts = part.restarts
        until(lambda: part.pid is None, 60)
        part.look()  # it sees the end
        clock.now += wait_s * 0.9
        part.look()
        assert part.restarts == restarts
        clock.now += wait_s * 0.2
        part.look()
        assert part.restarts == restarts + 1
    clock.now += SILENT_S
    assert not part.is_well
    part.ask_to_end()
    part.end(30)


def test_the_health_is_good_only_if_all_parts_work_and_the_disk_has_room(
    config: NodeConfig, tmp_path: Path
) -> None:
    dead = Node((Part("sender", tmp_path),))
    full = replace(config, free_mib=1 << 40)
    for one, node, status in ((config, Node(()), 200), (config, dead, 503), (full, Node(()), 503)):
        shown = replace(one, health_port=free_port())
        with showing_health(shown, node):
            address = f"http://127.0.0.1:{shown.health_port}"
            answer = requests.get(f"{address}/health", timeout=30)
            assert answer.status_code == status
            assert answer.json()["well"] is (status == 200)
            assert requests.get(f"{address}/", timeout=30).status_code == 404


def test_a_health_port_in_use_is_refused(config: NodeConfig) -> None:
    port = free_port()
    with (
        socket.create_server(("127.0.0.1", port)),
        refused(ConfigError, "ADDRESS_TAKEN", port),
        showing_health(replace(config, health_port=port), Node(())),
    ):
        pass
