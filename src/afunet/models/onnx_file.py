"""An ONNX file for each network: graph and weights, and the header of its weights file.

The file's last two entries of metadata are afunet's. The first has the name of the entry of the
weights file (`weights_file`) and holds its header with three more fields: `sha256`, the digest of
the weights; `arithmetic`, "float32" or "int8"; and `made_of`, the digest of the weights that
whole numbers were made of, "" for float32. Since whole numbers are other weights, `sha256` is then
the digest of the graph. The second is the SHA-256 of all bytes before it. Metadata may stand
anywhere in a protobuf file and several parts may follow each other, so both are appended.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afunet.errors import CheckpointError
from afunet.models.onnx_session import open_session
from afunet.models.weights_file import FORMAT_VERSION
from afunet.whole_file import whole_file

SUFFIX = ".onnx"
FILE_ENTRY = "afunet file"
FLOAT32, INT8 = "float32", "int8"
OURS = ("sha256", "arithmetic", "made_of")


@dataclass(frozen=True, eq=False)
class OnnxFile:
    """A verified file: its header as written, its digests, its bytes, and what the graph takes.

    `inputs` and `outputs` are the shapes of windows and logits; a free axis is a name.
    """

    header: Mapping[str, Any]
    sha256: str
    arithmetic: str
    made_of: str
    content: bytes
    inputs: tuple[int | str, ...]
    outputs: tuple[int | str, ...]


def write_onnx(
    path: Path, graph: bytes, entry: str, header: Mapping[str, Any], sha256: str
) -> None:
    """Write a float32 graph made of the weights with this digest, completely or not at all.

    Raises `OutputError` if the file cannot be written.
    """
    _write(path, graph, entry, {**header, "sha256": sha256, "arithmetic": FLOAT32, "made_of": ""})


def write_int8(
    path: Path, graph: bytes, entry: str, header: Mapping[str, Any], made_of: str
) -> str:
    """Write a graph of whole numbers made of the weights `made_of`; return its own digest."""
    own = hashlib.sha256(graph).hexdigest()
    _write(path, graph, entry, {**header, "sha256": own, "arithmetic": INT8, "made_of": made_of})
    return own


def read_onnx(path: Path, entry: str) -> OnnxFile:
    """Read and verify a file; raises `CheckpointError` unless it is intact and has this entry."""
    if not path.is_file():
        raise CheckpointError(f"no weights file at {path}", code="NO_WEIGHTS")
    try:
        content = path.read_bytes()
        session = open_session(content, optimised=False)
    except MemoryError:
        raise
    except Exception as error:  # onnxruntime has eight kinds of its own, all of Exception
        raise CheckpointError(
            f"{path.name} is not an intact ONNX file: {_reason(error)}", code="WEIGHTS_BROKEN"
        ) from error
    metadata = session.get_modelmeta().custom_metadata_map
    if entry not in metadata:
        raise CheckpointError(
            f"{path.name} is an ONNX file, but not one of afunet for this purpose: its metadata "
            f"have no entry {entry!r}",
            code="WEIGHTS_FOREIGN",
        )
    _require_unaltered(path.name, content, metadata.get(FILE_ENTRY, ""))
    header, ours = _divided(path.name, metadata[entry])
    shapes = (tuple(one[0].shape) for one in (session.get_inputs(), session.get_outputs()))
    return OnnxFile(header, *ours, content, *shapes)


def _write(path: Path, graph: bytes, entry: str, said: Mapping[str, Any]) -> None:
    told = graph + _metadata(entry, json.dumps(said))
    with whole_file(path) as unfinished:
        unfinished.write_bytes(told + _metadata(FILE_ENTRY, hashlib.sha256(told).hexdigest()))


def _require_unaltered(name: str, content: bytes, expected: str) -> None:
    told = content.removesuffix(_metadata(FILE_ENTRY, expected))
    digest = hashlib.sha256(told).hexdigest()
    if digest != expected:
        raise CheckpointError(
            f"{name} was altered: its SHA-256 is {digest[:12]}…, but its metadata say "
            f"{expected[:12] or 'nothing'}…: make or download it again",
            code="WEIGHTS_ALTERED",
        )


def _divided(name: str, text: str) -> tuple[dict[str, Any], tuple[str, str, str]]:
    """Divide the entry into the header and what this file adds to it."""
    try:
        header = dict(json.loads(text))
        sha256, arithmetic, made_of = (str(header.pop(key)) for key in OURS)
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{name} has a broken header: {error!r}", code="WEIGHTS_BROKEN"
        ) from error
    if (version := header.get("version", FORMAT_VERSION)) != FORMAT_VERSION:
        raise CheckpointError(
            f"{name} has format version {version}, but this afunet reads version "
            f"{FORMAT_VERSION}: use the afunet that fits the file",
            code="WEIGHTS_VERSION",
        )
    if arithmetic not in (FLOAT32, INT8) or bool(made_of) != (arithmetic == INT8):
        raise CheckpointError(
            f"{name} has a broken header: arithmetic {arithmetic!r} made of {made_of!r}",
            code="WEIGHTS_BROKEN",
        )
    return header, (sha256, arithmetic, made_of)


def _metadata(key: str, value: str) -> bytes:
    """One entry of metadata as a protobuf message: field 14 of ModelProto, of two strings."""
    entry = _text(1, key) + _text(2, value)
    return _field(14) + _varint(len(entry)) + entry


def _text(number: int, text: str) -> bytes:
    content = text.encode()
    return _field(number) + _varint(len(content)) + content


def _field(number: int) -> bytes:
    return _varint(number << 3 | 2)


def _varint(value: int) -> bytes:
    low, high = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + _varint(high) if high else bytes([low])


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())
