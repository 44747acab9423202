from pathlib import Path

import numpy as np
import pytest
from tests.refusals import refused
from vtkmodules.vtkCommonCore import vtkStringArray
from vtkmodules.vtkIOXML import vtkXMLPolyDataReader, vtkXMLPolyDataWriter

from afunet.errors import InputError, OutputError
from afunet.formats.mesh_files import MESH_WRITERS, read_mesh, write_ply, write_stl, write_vtp
from afunet.formats.polydata import to_polydata
from afunet.geometry import Mesh

TETRAHEDRON = Mesh(
    np.array([[-120.5, 80.25, -1400], [-110.5, 80.25, -1400], [-120.5, 90, -1400], [-120, 80, 5]]),
    np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]]),
)
EMPTY = Mesh(np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64))
SQUARE = "v 0 0 0\nv 2 0 0\nv 2 3 0\nv 0 3 0\n"


def sorted_triangles(mesh: Mesh) -> list[tuple[tuple[float, ...], ...]]:
    """Triangles as tuples of corners, each begun at its lowest corner, turning sense kept."""
    triangles = []
    for corners in mesh.triangles_mm.tolist():
        first = corners.index(min(corners))
        triangles.append(tuple(map(tuple, corners[first:] + corners[:first])))
    return sorted(triangles)


@pytest.fixture(params=MESH_WRITERS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_written_mesh_reads_back_with_the_same_triangles_in_the_same_place(
    kind: str, tmp_path: Path
) -> None:
    path = tmp_path / f"bone.{kind}"
    MESH_WRITERS[kind](TETRAHEDRON, path)
    back = read_mesh(path)
    assert sorted_triangles(back) == sorted_triangles(TETRAHEDRON)
    assert len(back.vertices_mm) == 4
    assert back.is_watertight


def test_file_states_its_frame_and_unit_near_its_start(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"bone.{kind}"
    MESH_WRITERS[kind](TETRAHEDRON, path)
    start = path.read_bytes()[:400]
    assert b"SPACE=LPS" in start
    assert b"unit mm" in start


def test_empty_mesh_writes_a_valid_file_of_no_triangles(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"bone.{kind}"
    MESH_WRITERS[kind](EMPTY, path)
    assert read_mesh(path).is_empty


def test_place_that_cannot_be_written_gives_one_line_and_leaves_nothing(
    kind: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    with refused(OutputError, "EEXIST", f"bone.{kind}"):
        MESH_WRITERS[kind](TETRAHEDRON, tmp_path / "file" / f"bone.{kind}")


def test_every_cut_file_is_refused_in_one_line(kind: str, tmp_path: Path) -> None:
    whole, cut = tmp_path / f"bone.{kind}", tmp_path / f"cut.{kind}"
    MESH_WRITERS[kind](TETRAHEDRON, whole)
    content = whole.read_bytes()
    for length in range(0, len(content), 7):
        cut.write_bytes(content[:length])
        with refused(InputError, "MESH_BROKEN", f"cut.{kind}"):
            read_mesh(cut)


def test_stl_is_binary_with_the_length_its_triangle_count_asks_for(tmp_path: Path) -> None:
    write_stl(TETRAHEDRON, tmp_path / "bone.stl")
    content = (tmp_path / "bone.stl").read_bytes()
    assert int.from_bytes(content[80:84], "little") == 4
    assert len(content) == 84 + 4 * 50


def test_ply_is_binary_little_endian_with_float32_positions(tmp_path: Path) -> None:
    write_ply(TETRAHEDRON, tmp_path / "bone.ply")
    header, _, body = (tmp_path / "bone.ply").read_bytes().partition(b"end_header\n")
    assert b"format binary_little_endian 1.0" in header
    assert len(body) == 4 * 3 * 4 + 4 * (1 + 3 * 4)


def test_file_that_states_ras_is_turned_to_lps(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"bone.{kind}"
    MESH_WRITERS[kind](TETRAHEDRON, path)
    path.write_bytes(path.read_bytes().replace(b"SPACE=LPS", b"SPACE=RAS"))
    half_turn = TETRAHEDRON.transformed(np.diag([-1, -1, 1, 1]))
    assert sorted_triangles(read_mesh(path)) == sorted_triangles(half_turn)


def test_vtp_says_its_frame_and_unit_where_programs_look(tmp_path: Path) -> None:
    write_vtp(TETRAHEDRON, tmp_path / "bone.vtp")
    reader = vtkXMLPolyDataReader()
    reader.SetFileName(str(tmp_path / "bone.vtp"))
    reader.Update()
    fields = reader.GetOutput().GetFieldData()
    assert fields.GetAbstractArray("SPACE").GetValue(0) == "LPS"
    assert fields.GetAbstractArray("UNIT").GetValue(0) == "mm"


def test_vtp_whose_field_says_ras_is_turned_to_lps(tmp_path: Path) -> None:
    frame, polydata, writer = vtkStringArray(), to_polydata(TETRAHEDRON), vtkXMLPolyDataWriter()
    frame.SetName("SPACE")
    frame.InsertNextValue("RAS")
    polydata.GetFieldData().AddArray(frame)
    writer.SetFileName(str(tmp_path / "bone.vtp"))
    writer.SetInputData(polydata)
    writer.Write()
    half_turn = TETRAHEDRON.transformed(np.diag([-1, -1, 1, 1]))
    assert sorted_triangles(read_mesh(tmp_path / "bone.vtp")) == sorted_triangles(half_turn)


def test_obj_polygons_become_triangles_and_equal_corners_are_merged(tmp_path: Path) -> None:
    path = tmp_path / "square.obj"
    path.write_text(SQUARE + "v 2 0 0\nv 2 3 0\nv 4 0 0\nf 1 2 3 4\nf 5 7 6\n")
    mesh = read_mesh(path)
    assert (len(mesh.vertices_mm), len(mesh.faces)) == (5, 3)
    assert mesh.area_mm2 == pytest.approx(2 * 3 + 2 * 3 / 2)


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.stl", b"hello", "MESH_BROKEN"),
        ("a.ply", b"hello", "MESH_BROKEN"),
        ("a.obj", b"hello", "MESH_BROKEN"),
        ("a.obj", SQUARE.encode() + b"f 1 2 9\n", "MESH_BROKEN"),
        ("a.vtp", b"hello", "MESH_BROKEN"),
        ("a.vtp", b"<VTKFile></VTKFile>", "MESH_BROKEN"),
        ("a.vtk", b"# vtk DataFile", "UNKNOWN_FORMAT"),
    ],
)
def test_broken_or_foreign_file_is_refused(
    name: str, content: bytes, code: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_bytes(content)
    with refused(InputError, code, name):
        read_mesh(tmp_path / name)
    assert capfd.readouterr() == ("", "")


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with refused(InputError, "UNREADABLE", "bone.stl"):
        read_mesh(tmp_path / "bone.stl")
