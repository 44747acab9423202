"""Read PLY triangle meshes strictly: VTK's own reader crashes the process on an incomplete file."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.lib.recfunctions import unstructured_to_structured
from numpy.typing import NDArray

from afunet.errors import InputError
from afunet.geometry import Mesh

_TYPES = {
    **{"char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4"},
    **{"int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4"},
    **{"float": "f4", "double": "f8", "float32": "f4", "float64": "f8"},
}
_Order = Literal["<", ">", "text"]
_BYTE_ORDERS: dict[str, _Order] = {
    "binary_little_endian": "<",
    "binary_big_endian": ">",
    "ascii": "text",
}
_Table = NDArray[np.void]
_CORNERS = "corners"
_CORNER_COUNT = "corner_count"


@dataclass
class _Element:
    """One table of the file: the number of rows, and the columns as NumPy field types."""

    rows: int
    columns: list[tuple[Any, ...]] = field(default_factory=list)


def read_ply(path: Path) -> Mesh:
    """Read the vertices and triangles of a PLY file (text or binary), ignoring other columns.

    Raises `InputError` for an incomplete or broken file and for faces that are not triangles, and
    `OSError` if the file cannot be opened.
    """
    content = path.read_bytes()
    header, found, body = content.partition(b"end_header")
    try:
        if not found or not header.startswith(b"ply"):
            raise ValueError("no PLY header")
        order, elements = _parse_header(header.decode("ascii", errors="replace"))
        # The header's last line may end with a carriage return before its line feed.
        tables = _tables(body.partition(b"\n")[2], order, elements)
        return _mesh(tables)
    except (ValueError, KeyError, IndexError, OverflowError):
        raise InputError(
            f"{path.name}: not a complete PLY file of triangles; export it again",
            code="MESH_BROKEN",
        ) from None


def _parse_header(header: str) -> tuple[_Order, dict[str, _Element]]:
    """Byte order and elements by name, in the file's order."""
    order: _Order | None = None
    elements: dict[str, _Element] = {}
    name = ""
    for line in header.splitlines():
        match line.split():
            case ["format", form, _]:
                order = _BYTE_ORDERS[form]
            case ["element", name, rows]:
                elements[name] = _Element(_natural(rows))
            case ["property", "list", count, item, _]:
                elements[name].columns += [
                    (_CORNER_COUNT, _TYPES[count]),
                    (_CORNERS, _TYPES[item], 3),
                ]
            case ["property", kind, column]:
                elements[name].columns.append((column, _TYPES[kind]))
    if order is None:
        raise ValueError("no format line")
    return order, elements


def _natural(word: str) -> int:
    if not word.isdecimal():
        raise ValueError(f"{word!r} rows")
    return int(word)


def _tables(body: bytes, order: _Order, elements: dict[str, _Element]) -> dict[str, _Table]:
    """The rows of each element as a structured array; every list must hold three items."""
    tables = {}
    for name, element in elements.items():
        row = np.dtype(element.columns)
        if order == "text":
            tables[name], body = _take_text(body, element.rows, row)
        else:
            tables[name], body = _take_binary(body, element.rows, row.newbyteorder(order))
        if _CORNERS in (row.names or ()) and (tables[name][_CORNER_COUNT] != 3).any():
            raise ValueError("a face does not have three corners")
    return tables


def _take_binary(body: bytes, rows: int, row: np.dtype[np.void]) -> tuple[_Table, bytes]:
    size = rows * row.itemsize
    if len(body) < size:
        raise ValueError("it ends too early")
    return np.frombuffer(body[:size], dtype=row), body[size:]


def _take_text(body: bytes, rows: int, row: np.dtype[np.void]) -> tuple[_Table, bytes]:
    if rows == 0:
        return np.zeros(0, dtype=row), body
    lines = (body + b"\n").split(b"\n", rows)
    values = np.array([line.split() for line in lines[:rows]], dtype=np.float64)
    if values.size == 0:
        raise ValueError("it ends too early")
    with np.errstate(invalid="ignore"):
        return unstructured_to_structured(values, row), lines[rows]


def _mesh(tables: dict[str, _Table]) -> Mesh:
    vertex, face = tables["vertex"], tables["face"]
    vertices = np.stack([vertex[axis] for axis in "xyz"], axis=1)
    return Mesh(vertices.astype(np.float64), face[_CORNERS].astype(np.int64))
