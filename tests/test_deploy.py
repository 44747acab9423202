"""What the container files name is there, and they agree with each other.

Nothing is built or started here.
"""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from afunet.cli import app
from afunet.node.config import NodeConfig, load_config

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"


@pytest.fixture(scope="module")
def steps() -> list[tuple[str, str]]:
    """The Dockerfile's instructions with their arguments."""
    text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"])


@pytest.fixture(scope="module")
def config() -> NodeConfig:
    return load_config(DEPLOY / "node.toml")


def only(steps: list[tuple[str, str]], name: str) -> str:
    (found,) = (words for step, words in steps if step == name)
    return found


def test_what_is_copied_is_there_and_not_ignored(steps: list[tuple[str, str]]) -> None:
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert ignored[0] == "*"
    for words in (words for step, words in steps if step == "COPY" and "--from" not in words):
        for source in words.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert f"!{Path(source)}" in ignored, source


def test_the_extra_and_the_version_of_python_are_those_of_the_project(
    steps: list[tuple[str, str]],
) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    installed = next(words for step, words in steps if step == "RUN" and "pip install" in words)
    (extra,) = re.findall(r"'\.\[(\w+)\]'", installed)
    assert extra in project["optional-dependencies"]
    images = [words.split()[0] for step, words in steps if step == "FROM"]
    assert len(set(images)) == 1
    major, minor = map(int, re.findall(r"python:(\d+)\.(\d+)-slim", images[0])[0])
    lowest = tuple(map(int, project["requires-python"].removeprefix(">=").split(".")))
    assert (major, minor) >= lowest


def test_it_starts_the_node_with_the_file_that_is_mounted(
    steps: list[tuple[str, str]], services: dict[str, Any]
) -> None:
    program, command, option, file = json.loads(only(steps, "ENTRYPOINT"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert program in project["scripts"]
    group = typer.main.get_command(app).commands[command]  # type: ignore[attr-defined]
    assert option in {name for one in group.params for name in one.opts}
    assert f"./node.toml:{file}:ro" in services["node"]["volumes"]


def test_nothing_is_root_and_nothing_but_the_data_can_be_written(
    steps: list[tuple[str, str]], services: dict[str, Any], config: NodeConfig
) -> None:
    node = services["node"]
    user = only(steps, "USER").split(":")
    assert "0" not in user
    assert node["read_only"]
    assert node["cap_drop"] == ["ALL"]
    assert json.loads(only(steps, "VOLUME")) == [config.data]
    (owned,) = (words for step, words in steps if step == "RUN" and config.data in words)
    assert f"-o {user[0]} -g {user[1]}" in owned
    home = dict(word.split("=") for word in shlex.split(only(steps, "ENV")))["HOME"]
    assert any(line.startswith(home) for line in node["tmpfs"])


def test_ports_and_titles_agree(
    steps: list[tuple[str, str]], services: dict[str, Any], config: NodeConfig
) -> None:
    assert int(only(steps, "EXPOSE")) == config.port
    health = only(steps, "HEALTHCHECK")
    assert f":{config.health_port}/health" in health
    assert f":{config.port}" in services["node"]["ports"][0]
    archive = json.loads((DEPLOY / "orthanc.json").read_text())
    (peer,) = config.peers
    assert (peer.host, peer.port) == ("orthanc", archive["DicomPort"])
    assert peer.host in services
    assert peer.ae_title == archive["DicomAet"]
    node = archive["DicomModalities"]["afunet"]
    assert (node["AET"], node["Port"]) == (config.ae_title, config.port)
    assert node["Host"] in services


def test_every_mounted_file_is_there_and_every_volume_is_declared(
    services: dict[str, Any],
) -> None:
    declared = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["volumes"]
    for service in services.values():
        for line in service["volumes"]:
            source = line.split(":")[0]
            assert (DEPLOY / source).is_file() if source.startswith(".") else source in declared
    build = services["node"]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).resolve() == DEPLOY / "Dockerfile"
    outside = [port for service in services.values() for port in service["ports"]]
    assert all(port.startswith("127.0.0.1:") for port in outside)
    assert len({port.split(":")[1] for port in outside}) == len(outside)
