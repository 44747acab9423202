from pathlib import Path

import numpy as np
import pytest
from tests.refusals import refused

from afunet.errors import InputError
from afunet.formats.ply import read_ply

HEADER = """ply
format {form} 1.0
comment made by hand
element vertex 3
property float x
property float y
property float z
property uchar red
element face {faces}
property list uchar int vertex_indices
end_header
"""


def text_ply(face: str) -> bytes:
    return (HEADER.format(form="ascii", faces=1) + f"0 0 0 9\n2 0 0 9\n0 3 0 9\n{face}\n").encode()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bone.ply"


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_text_file_with_colours_gives_its_triangle(path: Path, line_end: bytes) -> None:
    path.write_bytes(text_ply("3 0 1 2").replace(b"\n", line_end))
    mesh = read_ply(path)
    assert mesh.faces.tolist() == [[0, 1, 2]]
    assert mesh.area_mm2 == pytest.approx(3)


@pytest.mark.parametrize(("form", "order"), [("little", "<"), ("big", ">")])
def test_binary_file_of_either_byte_order_gives_its_triangle(
    path: Path, form: str, order: str
) -> None:
    points = np.zeros(3, dtype=[("xyz", f"{order}f4", 3), ("red", "u1")])
    points["xyz"] = [[0, 0, 0], [2, 0, 0], [0, 3, 0]]
    faces = np.array([(3, [0, 1, 2])], dtype=[("count", "u1"), ("corners", f"{order}i4", 3)])
    header = HEADER.format(form=f"binary_{form}_endian", faces=1).encode()
    path.write_bytes(header + points.tobytes() + faces.tobytes())
    assert read_ply(path).vertices_mm.tolist() == [[0, 0, 0], [2, 0, 0], [0, 3, 0]]


def test_text_file_without_faces_is_an_empty_mesh(path: Path) -> None:
    path.write_text(HEADER.format(form="ascii", faces=0) + "0 0 0 9\n2 0 0 9\n0 3 0 9\n")
    assert read_ply(path).is_empty


@pytest.mark.parametrize("face", ["4 0 1 2 0", "2 0 1", "3 0 1", "3 0 1 two"])
def test_face_that_is_no_triangle_is_refused(path: Path, face: str) -> None:
    path.write_bytes(text_ply(face))
    with refused(InputError, "MESH_BROKEN", "bone.ply"):
        read_ply(path)


@pytest.mark.parametrize(
    ("word", "wrong"),
    [
        (b"format ascii 1.0\n", b""),
        (b"ascii", b"telegraph"),
        (b"vertex 3", b"vertex -3"),
        (b"vertex 3", b"vertex 99999999999999999999"),
        (b"float x", b"complex x"),
        (b"element face", b"element facet"),
    ],
)
def test_broken_header_is_refused(path: Path, word: bytes, wrong: bytes) -> None:
    assert word in text_ply("3 0 1 2")
    path.write_bytes(text_ply("3 0 1 2").replace(word, wrong))
    with refused(InputError, "MESH_BROKEN"):
        read_ply(path)
