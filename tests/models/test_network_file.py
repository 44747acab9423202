"""A checkpoint and the ONNX file beside it are one network only if their weights are the same."""

import shutil
from pathlib import Path

import pytest
from tests.refusals import refused

from afunet.errors import CheckpointError
from afunet.models.checkpoint import load_checkpoint
from afunet.models.header import METADATA_KEY
from afunet.models.network_file import load_network_file
from afunet.models.onnx_file import read_onnx, write_onnx
from afunet.models.shipped import shipped_path

GRAPH = "afunet-w32.onnx"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A copy of the shipped weights alone."""
    shutil.copy(shipped_path(), tmp_path / "own.safetensors")
    return tmp_path / "own.safetensors"


def test_a_checkpoint_alone_has_no_graph(own: Path) -> None:
    file = load_network_file(own)
    assert file.graph is None
    assert file.checkpoint is not None
    assert file.sha256 == load_checkpoint(own).sha256


def test_with_the_onnx_file_of_its_weights_beside_it_it_has_both(own: Path) -> None:
    shutil.copy(shipped_path(GRAPH), own.with_suffix(".onnx"))
    file = load_network_file(own)
    assert file.name == own.name
    assert file.graph == shipped_path(GRAPH).read_bytes()
    assert file.checkpoint is not None
    alone = load_network_file(own.with_suffix(".onnx"))
    assert (alone.checkpoint, alone.header) == (None, file.header)


def test_a_graph_of_other_weights_beside_it_is_not_taken(own: Path) -> None:
    graph = read_onnx(shipped_path(GRAPH), METADATA_KEY)
    beside = own.with_suffix(".onnx")
    write_onnx(beside, graph.content, METADATA_KEY, graph.header, "cd" * 32)
    assert load_network_file(own).graph is None
    confidence = shipped_path("afunet-w32.confidence.json")
    shutil.copy(confidence, own.with_suffix(".confidence.json"))  # that of the checkpoint
    file = load_network_file(own)
    assert (file.graph, file.header.expected_dice) == (
        None,
        load_checkpoint(own).header.expected_dice,
    )
    assert file.header.expected_dice is not None


def test_the_suffix_may_be_in_capitals(tmp_path: Path) -> None:
    shutil.copy(shipped_path(GRAPH), tmp_path / "OWN.ONNX")
    assert load_network_file(tmp_path / "OWN.ONNX").graph == shipped_path(GRAPH).read_bytes()


def test_a_broken_one_beside_it_is_refused(own: Path) -> None:
    own.with_suffix(".onnx").write_bytes(shipped_path(GRAPH).read_bytes()[:-5000])
    with refused(CheckpointError, "WEIGHTS_BROKEN", "own.onnx"):
        load_network_file(own)
