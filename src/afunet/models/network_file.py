"""The files of a network that finds bone: a checkpoint, an ONNX file, or both side by side."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from afunet.errors import CheckpointError
from afunet.models.checkpoint import Checkpoint, load_checkpoint
from afunet.models.expected_dice import model_beside
from afunet.models.header import METADATA_KEY, Header, header_of
from afunet.models.onnx_file import FLOAT32, SUFFIX, OnnxFile, read_onnx


@dataclass(frozen=True, eq=False)
class NetworkFile:
    """A verified network: `checkpoint` for PyTorch, `graph` for the other runtimes; one may lack.

    `arithmetic` is "float32", or "int8" for a graph of whole numbers, which has a digest of its
    own.
    """

    name: str
    header: Header
    sha256: str
    arithmetic: str = FLOAT32
    checkpoint: Checkpoint | None = None
    graph: bytes | None = None


def load_network_file(path: Path) -> NetworkFile:
    """Read an ONNX file, or a checkpoint and the ONNX file of the same weights and name beside it.

    Raises `CheckpointError` unless they are intact and made for this purpose.
    """
    if path.suffix.lower() == SUFFIX:
        return _of_onnx(path, read_onnx(path, METADATA_KEY))
    checkpoint = load_checkpoint(path)
    beside = path.with_suffix(SUFFIX)
    if beside.is_file():
        file = read_onnx(beside, METADATA_KEY)
        if file.sha256 == checkpoint.sha256:
            return replace(_of_onnx(beside, file), name=path.name, checkpoint=checkpoint)
    return NetworkFile(path.name, checkpoint.header, checkpoint.sha256, checkpoint=checkpoint)


def _of_onnx(path: Path, file: OnnxFile) -> NetworkFile:
    header = header_of(path.name, file.header)
    _require_fit(path.name, header, file)
    header = replace(header, expected_dice=model_beside(path, file.sha256))
    return NetworkFile(path.name, header, file.sha256, file.arithmetic, graph=file.content)


def _require_fit(name: str, header: Header, file: OnnxFile) -> None:
    """Raise `CheckpointError` unless the graph takes and gives what the header says."""
    expected = (header.input_slices, len(header.classes))
    found = tuple(shape[1] if len(shape) == 4 else None for shape in (file.inputs, file.outputs))
    if found != expected:
        raise CheckpointError(
            f"{name} has a graph of {found[0]} slices and {found[1]} classes, but a header of "
            f"{expected[0]} and {expected[1]}: it was made of another network, make it again",
            code="WEIGHTS_MISFIT",
        )
