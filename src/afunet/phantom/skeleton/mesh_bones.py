"""Bones from surfaces: a folder of mesh files, or the limbs of a statistical shape model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from vtkmodules.vtkFiltersModeling import vtkLoopSubdivisionFilter

from afunet.errors import InputError
from afunet.formats.mesh_files import read_mesh
from afunet.formats.polydata import from_polydata, to_polydata
from afunet.geometry import Mesh
from afunet.phantom.shapes.placing import mirror_in_x

MESH_SUFFIXES = (".stl", ".ply", ".obj")
# From the size of a toe bone to more than a scanner can hold, which the grid refuses first.
SHORTEST_BONE_MM, LONGEST_BONE_MM = 8.0, 10_000.0
_OTHER_UNITS = (("metres", "1000", 2.0), ("centimetres", "10", 8.0), ("micrometres", "0.001", 1e9))


def load_bones(folder: Path) -> dict[str, Mesh]:
    """Read watertight meshes from a folder of STL, PLY or OBJ files, named by their file stems.

    Positions are read as LPS millimetres: x to the patient's left, y to the back, z to the head.
    A name that ends in "left" or "right" gives the leg of the bone. Raises `InputError` for a
    folder without meshes, for a mesh that is not watertight and for a size that is impossible for
    bones in millimetres.
    """
    if not folder.is_dir():
        raise InputError(
            f"there is no folder {folder}: give a folder of .stl, .ply or .obj bones",
            code="NO_SUCH_PATH",
        )
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in MESH_SUFFIXES)
    if not files:
        raise InputError(
            f"{folder} has no .stl, .ply or .obj file: put one mesh per bone there",
            code="NO_MESHES",
        )
    bones = {path.stem: _read_watertight(path) for path in files}
    _require_millimetres(bones)
    return bones


def _require_millimetres(bones: Mapping[str, Mesh]) -> None:
    """Refuse bones of an impossible size, since mesh files do not state their unit."""
    name, length_mm = max(
        ((name, float(np.ptp(bone.bounds_mm(), axis=0).max())) for name, bone in bones.items()),
        key=lambda item: item[1],
    )
    if SHORTEST_BONE_MM <= length_mm <= LONGEST_BONE_MM:
        return
    unit, factor = next(
        (unit, factor) for unit, factor, longest in _OTHER_UNITS if length_mm <= longest
    )
    raise InputError(
        f"the largest bone, {name}, would be {length_mm:.3g} mm long, but meshes must be in "
        f"millimetres: if these are in {unit}, scale them by {factor}",
        code="MESH_UNIT",
    )


def load_limb(path: Path, side: str) -> dict[str, Mesh]:
    """Read one limb of an LLP26 file (.npz): "femur left", "patella left", … and "pelvis".

    The frame of the file is LPS (left femur, patella towards -y, z up). The right limb is the left
    one mirrored at the pelvis's midplane. Tibia and fibula are one mesh in the file and are
    separated. All meshes are subdivided once, because their triangles are about 5 mm wide. Raises
    `InputError` for a file without these arrays and for bones that are not watertight.
    """
    try:
        with np.load(path) as arrays:
            raw = {name: _mesh_of(arrays, name) for name in _LIMB_ARRAYS}
    except (OSError, KeyError, ValueError, EOFError, BadZipFile) as error:
        raise InputError(
            f"{path.name} is not an LLP26 limb ({type(error).__name__}): "
            f"expected arrays {', '.join(f'{name}_v, {name}_f' for name in _LIMB_ARRAYS)}",
            code="NOT_A_LIMB",
        ) from error
    tibia, fibula = _largest_two(raw["tibfib_l"], path.name)
    parts = {"femur": raw["femur_l"], "patella": raw["patella_l"], "tibia": tibia}
    parts |= {"fibula": fibula}
    low, high = raw["pelvis"].bounds_mm()
    mirror = mirror_in_x((low[0] + high[0]) / 2)
    bones = {"pelvis": _closed(_subdivided(raw["pelvis"]), "pelvis")}
    for kind, mesh in parts.items():
        smooth = _closed(_subdivided(mesh), kind)
        bones[f"{kind} {side}"] = smooth if side == "left" else smooth.transformed(mirror)
    return bones


def parts_of(mesh: Mesh) -> list[Mesh]:
    """The connected parts of a mesh, which share no vertex."""
    starts, ends = mesh.faces.ravel(), np.roll(mesh.faces, -1, axis=1).ravel()
    count = len(mesh.vertices_mm)
    edges = coo_matrix((np.ones(len(starts)), (starts, ends)), shape=(count, count))
    parts, labels = connected_components(edges, directed=False)
    return [_submesh(mesh, labels == part) for part in range(parts)]


def _submesh(mesh: Mesh, kept: NDArray[np.bool_]) -> Mesh:
    renumbered = np.cumsum(kept) - 1
    faces = mesh.faces[kept[mesh.faces].all(axis=1)]
    return Mesh(mesh.vertices_mm[kept], renumbered[faces])


_LIMB_ARRAYS = ("pelvis", "femur_l", "patella_l", "tibfib_l")


def _mesh_of(arrays: Mapping[str, NDArray[Any]], name: str) -> Mesh:
    return Mesh(arrays[f"{name}_v"], arrays[f"{name}_f"])


def _read_watertight(path: Path) -> Mesh:
    return _closed(read_mesh(path), path.name)


def _closed(mesh: Mesh, what: str) -> Mesh:
    if mesh.is_empty:
        raise InputError(
            f"{what} has no triangles: expected a watertight surface in mm", code="MESH_EMPTY"
        )
    if not mesh.is_watertight:
        raise InputError(
            f"{what} is not watertight ({mesh.open_edges} open edges): close it first",
            code="NOT_WATERTIGHT",
        )
    return mesh if mesh.volume_mm3 > 0 else _turned(mesh)


def _subdivided(mesh: Mesh) -> Mesh:
    """A smoother mesh: each triangle is divided in four by Loop's rule."""
    smoother = vtkLoopSubdivisionFilter()
    smoother.SetInputData(to_polydata(mesh))
    smoother.Update()
    return from_polydata(smoother.GetOutput())


def _turned(mesh: Mesh) -> Mesh:
    return Mesh(mesh.vertices_mm, mesh.faces[:, ::-1])


def _largest_two(mesh: Mesh, what: str) -> tuple[Mesh, Mesh]:
    parts = sorted(parts_of(mesh), key=lambda part: -abs(part.volume_mm3))
    if len(parts) < 2:
        raise InputError(f"tibia and fibula of {what} are connected: expected two separate meshes")
    return parts[0], parts[1]
