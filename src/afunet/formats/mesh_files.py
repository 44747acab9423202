"""Write surfaces as STL, PLY, OBJ and VTP files that state their frame and unit, and read them.

An empty mesh gives a valid file with 0 triangles. All writers raise `OutputError` and leave no
incomplete file.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from vtkmodules.vtkCommonCore import vtkStringArray
from vtkmodules.vtkCommonDataModel import vtkPolyData
from vtkmodules.vtkFiltersCore import vtkCleanPolyData, vtkTriangleFilter
from vtkmodules.vtkIOGeometry import vtkOBJReader, vtkSTLReader, vtkSTLWriter
from vtkmodules.vtkIOPLY import vtkPLYWriter
from vtkmodules.vtkIOXML import vtkXMLPolyDataReader, vtkXMLPolyDataWriter

from afunet.errors import GeometryError, InputError, OutputError
from afunet.formats.ply import read_ply
from afunet.formats.polydata import from_polydata, to_polydata
from afunet.geometry import Mesh
from afunet.whole_file import whole_file

# 3D Slicer looks for these words in the STL header and in the PLY comments.
FRAME = "SPACE=LPS"
UNIT = "unit mm"
_OTHER_FRAME = b"SPACE=RAS"
_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_STL_HEADER_BYTES = 84
_STL_TRIANGLE_BYTES = 50
_STATED_FRAME_BYTES = 4096
# OBJ has no count and no end, so our last line shows whether a file is complete.
_OBJ_START, _OBJ_END = b"# afunet ", "# end of file\n"
_VTP_FIRST_LINE, _VTP_END = b'<?xml version="1.0"?>\n', b"</VTKFile>"
# 3D Slicer reads a VTP's frame from the field data of this name.
_FRAME_FIELD = "SPACE"


def write_stl(mesh: Mesh, path: Path) -> None:
    """Write binary STL, float32 LPS mm, with frame and unit in its 80-byte header."""
    writer = vtkSTLWriter()
    writer.SetFileTypeToBinary()
    writer.SetHeader(f"afunet {FRAME} {UNIT}")
    _write(writer, mesh, path)


def write_ply(mesh: Mesh, path: Path) -> None:
    """Write binary little-endian PLY, float32 LPS mm, with frame and unit in its comments."""
    writer = vtkPLYWriter()
    writer.SetFileTypeToBinary()
    writer.SetDataByteOrderToLittleEndian()
    writer.AddComment(f"afunet {FRAME} {UNIT}")
    _write(writer, mesh, path)


def write_obj(mesh: Mesh, path: Path) -> None:
    """Write Wavefront OBJ as text, LPS mm to a tenth of a µm, with frame and unit in a comment."""
    with whole_file(path) as unfinished, unfinished.open("w", encoding="ascii") as file:
        file.write(f"# afunet {FRAME} {UNIT}\n")
        np.savetxt(file, mesh.vertices_mm, "v %.4f %.4f %.4f")
        np.savetxt(file, mesh.faces + 1, "f %d %d %d")
        file.write(_OBJ_END)


def write_vtp(mesh: Mesh, path: Path) -> None:
    """Write VTK's XML polydata, float32 LPS mm, compressed and base64 encoded.

    Frame and unit are in the field data ("SPACE": "LPS", "UNIT": "mm") and, for people, in a
    comment.
    """
    writer = vtkXMLPolyDataWriter()
    writer.SetDataModeToAppended()
    writer.EncodeAppendedDataOn()
    polydata = to_polydata(mesh, np.float32)
    for name, value in ((_FRAME_FIELD, "LPS"), ("UNIT", "mm")):
        field = vtkStringArray()
        field.SetName(name)
        field.InsertNextValue(value)
        polydata.GetFieldData().AddArray(field)
    with whole_file(path) as unfinished:
        _write_polydata(writer, polydata, unfinished)
        content = unfinished.read_bytes()
        comment = f"<!-- afunet {FRAME} {UNIT} -->\n".encode()
        unfinished.write_bytes(content.replace(_VTP_FIRST_LINE, _VTP_FIRST_LINE + comment, 1))


MESH_WRITERS: dict[str, Callable[[Mesh, Path], None]] = {
    "stl": write_stl,
    "ply": write_ply,
    "obj": write_obj,
    "vtp": write_vtp,
}


def read_mesh(path: Path) -> Mesh:
    """Read the triangles of an STL, PLY, OBJ or VTP file in LPS mm.

    A file that states SPACE=RAS is converted to LPS; without a stated frame, LPS is assumed. Units
    are taken as mm. Equal vertices are merged in STL, which repeats each corner, and in OBJ, which
    repeats corners along texture seams. Raises `InputError` for a missing, broken or empty file and
    for another format.
    """
    readers = {".stl": _read_stl, ".ply": read_ply, ".obj": _read_obj, ".vtp": _read_vtp}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise InputError(
            f"{path.name}: unknown mesh format, expected .stl, .ply, .obj or .vtp",
            code="UNKNOWN_FORMAT",
        )
    try:
        with path.open("rb") as file:
            start = file.read(_STATED_FRAME_BYTES)
        mesh = reader(path)
    except OSError as reason:
        raise InputError(
            f"{path.name}: cannot be read: {reason.strerror or reason}", code="UNREADABLE"
        ) from None
    except GeometryError as reason:
        raise _broken(path, f"a broken mesh: {reason}") from None
    return mesh.transformed(_RAS_TO_LPS) if _OTHER_FRAME in start else mesh


def _write(writer: Any, mesh: Mesh, path: Path) -> None:
    with whole_file(path) as unfinished:
        _write_polydata(writer, to_polydata(mesh, np.float32), unfinished)


def _write_polydata(writer: Any, polydata: Any, path: Path) -> None:
    failures: list[str] = []
    writer.AddObserver("ErrorEvent", lambda _, event: failures.append(event))
    writer.SetInputData(polydata)
    writer.SetFileName(str(path))
    if not writer.Write() or failures or not path.exists():
        raise OutputError(f"cannot write {path.name}: is the disk full?")


def _read_stl(path: Path) -> Mesh:
    _require_whole_stl(path)
    reader = vtkSTLReader()
    reader.MergingOn()
    return from_polydata(_read(reader, path))


def _require_whole_stl(path: Path) -> None:
    """Refuse a binary STL whose length does not match its number of triangles.

    VTK accepts a file cut off between two triangles. A binary file may also begin with "solid".
    """
    with path.open("rb") as file:
        start = file.read(_STL_HEADER_BYTES)
    triangles = int.from_bytes(start[80:], "little")
    expected = _STL_HEADER_BYTES + _STL_TRIANGLE_BYTES * triangles
    is_text = start.lstrip().startswith(b"solid")
    if not is_text and path.stat().st_size != expected:
        raise _not_whole(path)


def _read_obj(path: Path) -> Mesh:
    content = path.read_bytes()
    if content.startswith(_OBJ_START):
        if not content.endswith(_OBJ_END.encode()):
            raise _not_whole(path)
        if b"\nf " not in content:
            return from_polydata(vtkPolyData())
    polydata = _read(vtkOBJReader(), path)
    if polydata.GetNumberOfPolys() == 0:
        raise _broken(path, "holds no polygons that OBJ readers understand; export it again")
    _require_known_vertices(polydata, path)
    triangles, merged = vtkTriangleFilter(), vtkCleanPolyData()
    triangles.SetInputData(polydata)
    merged.SetInputConnection(triangles.GetOutputPort())
    merged.Update()
    return from_polydata(merged.GetOutput())


def _read_vtp(path: Path) -> Mesh:
    if not path.read_bytes().rstrip().endswith(_VTP_END):
        raise _not_whole(path)
    polydata = _read(vtkXMLPolyDataReader(), path)
    if polydata.GetNumberOfPolys() == 0 and polydata.GetNumberOfStrips() == 0:
        return from_polydata(polydata)
    _require_known_vertices(polydata, path)
    triangles = vtkTriangleFilter()
    triangles.SetInputData(polydata)
    triangles.PassVertsOff()
    triangles.PassLinesOff()
    triangles.Update()
    mesh = from_polydata(triangles.GetOutput())
    frame = polydata.GetFieldData().GetAbstractArray(_FRAME_FIELD)
    is_ras = isinstance(frame, vtkStringArray) and frame.GetValue(0) == "RAS"
    return mesh.transformed(_RAS_TO_LPS) if is_ras else mesh


def _require_known_vertices(polydata: Any, path: Path) -> None:
    """Refuse faces with missing vertices, before a filter reads memory that is not its own."""
    lowest, highest = polydata.GetPolys().GetConnectivityArray().GetRange()
    if lowest < 0 or highest >= polydata.GetNumberOfPoints():
        raise _broken(
            path, "a broken mesh: a face refers to a vertex that does not exist; export it again"
        )


def _read(reader: Any, path: Path) -> Any:
    """Return the polydata of a VTK reader; `InputError` instead of VTK's own lines on stderr."""
    failures: list[str] = []
    for speaker in (reader, reader.GetExecutive()):
        for event in ("ErrorEvent", "WarningEvent"):
            speaker.AddObserver(event, lambda _, event: failures.append(event))
    reader.SetFileName(str(path))
    reader.Update()
    if failures:
        raise _not_whole(path)
    return reader.GetOutput()


def _broken(path: Path, what: str) -> InputError:
    return InputError(f"{path.name}: {what}", code="MESH_BROKEN")


def _not_whole(path: Path) -> InputError:
    return _broken(path, f"not a complete {path.suffix[1:].upper()} file; export it again")
