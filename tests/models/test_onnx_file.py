"""ONNX files: what they hold beside the graph, and what is refused."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper
from tests.refusals import refused

from afunet.errors import CheckpointError
from afunet.models.header import METADATA_KEY, Header
from afunet.models.network_file import load_network_file
from afunet.models.onnx_file import FILE_ENTRY, read_onnx, write_int8, write_onnx

HEADER = Header("any", {"input_slices": 3}, (-300.0, 1300.0), (0.3, 1.0), 64)
WEIGHTS = "ab" * 32


def graph_of(slices: int = 3, classes: int = 1) -> bytes:
    """A graph that sums its slices in every class."""
    windows = helper.make_tensor_value_info("windows", TensorProto.FLOAT, ["N", slices, "H", "W"])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", classes, "H", "W"])
    size = (classes, slices, 1, 1)
    weight = helper.make_tensor("weight", TensorProto.FLOAT, size, [1.0] * classes * slices)
    node = helper.make_node("Conv", ["windows", "weight"], ["logits"])
    graph = helper.make_graph([node], "sum", [windows], [logits], [weight])
    opset = helper.make_opsetid("", 18)
    return helper.make_model(graph, opset_imports=[opset], ir_version=10).SerializeToString()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_onnx(tmp_path / "own.onnx", graph_of(), METADATA_KEY, HEADER.saved(), WEIGHTS)
    return tmp_path / "own.onnx"


def test_the_header_and_the_digest_of_the_weights_come_back(path: Path) -> None:
    file = load_network_file(path)
    assert file.sha256 == WEIGHTS
    assert replace(file.header, options=HEADER.options) == HEADER
    assert (file.arithmetic, file.checkpoint) == ("float32", None)
    assert file.graph == path.read_bytes()


def test_other_programs_read_the_file_and_its_metadata(path: Path) -> None:
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    entries = {entry.key: entry.value for entry in model.metadata_props}
    assert entries.keys() == {METADATA_KEY, FILE_ENTRY}
    assert json.loads(entries[METADATA_KEY])["sha256"] == WEIGHTS


def test_whole_numbers_name_the_weights_they_are_made_of_and_have_a_digest_of_their_own(
    tmp_path: Path,
) -> None:
    path = tmp_path / "int8.onnx"
    digest = write_int8(path, graph_of(), METADATA_KEY, HEADER.saved(), WEIGHTS)
    file = read_onnx(path, METADATA_KEY)
    assert (file.arithmetic, file.made_of, file.sha256) == ("int8", WEIGHTS, digest)
    assert digest != WEIGHTS
    assert load_network_file(path).arithmetic == "int8"


@pytest.mark.parametrize("kept", [0, 1, 40, 200, -1, -60, -300])
def test_a_truncated_file_is_refused(path: Path, kept: int) -> None:
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(CheckpointError) as refusal:
        load_network_file(path)
    assert refusal.value.code in ("WEIGHTS_BROKEN", "WEIGHTS_FOREIGN", "WEIGHTS_ALTERED")
    assert path.name in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_what_is_no_onnx_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("not a graph\n" * 20)
    with refused(CheckpointError, "WEIGHTS_BROKEN", "text.onnx"):
        load_network_file(tmp_path / "text.onnx")
    with refused(CheckpointError, "NO_WEIGHTS"):
        load_network_file(tmp_path / "absent.onnx")


def test_one_changed_weight_is_noticed(path: Path) -> None:
    content = path.read_bytes()
    one = b"\x00\x00\x80\x3f"  # 1.0
    assert one in content
    path.write_bytes(content.replace(one, b"\x00\x00\x81\x3f", 1))
    with refused(CheckpointError, "WEIGHTS_ALTERED", path.name):
        load_network_file(path)


def test_an_onnx_file_of_another_tool_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.onnx").write_bytes(graph_of())
    with refused(CheckpointError, "WEIGHTS_FOREIGN", "other.onnx", f"'{METADATA_KEY}'"):
        load_network_file(tmp_path / "other.onnx")


@pytest.mark.parametrize(
    ("slices", "classes"), [(1, 1), (3, 2), (5, 1)], ids=["slices", "classes", "both"]
)
@pytest.mark.parametrize("whole", [False, True], ids=["float32", "int8"])
def test_a_graph_of_another_network_than_its_header_is_refused(
    slices: int, classes: int, whole: bool, tmp_path: Path
) -> None:
    path = tmp_path / "swapped.onnx"
    write: Callable[..., Any] = write_int8 if whole else write_onnx
    write(path, graph_of(slices, classes), METADATA_KEY, HEADER.saved(), WEIGHTS)
    with refused(CheckpointError, "WEIGHTS_MISFIT", "swapped.onnx", slices, classes, 3, 1):
        load_network_file(path)


@pytest.mark.parametrize(
    "change",
    [{"threshold": 2.0}, {"classes": []}, {"deep": 1}, {"model": 3}],
    ids=str,
)
def test_a_broken_header_is_refused(change: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "own.onnx"
    write_onnx(path, graph_of(), METADATA_KEY, {**HEADER.saved(), **change}, WEIGHTS)
    with refused(CheckpointError, "WEIGHTS_BROKEN", "own.onnx"):
        load_network_file(path)


def test_a_newer_format_is_refused_with_both_versions(tmp_path: Path) -> None:
    path = tmp_path / "own.onnx"
    write_onnx(path, graph_of(), METADATA_KEY, {**HEADER.saved(), "version": 99}, WEIGHTS)
    with refused(CheckpointError, "WEIGHTS_VERSION", 99, 1):
        load_network_file(path)
