"""The named bones of a folder of meshes, of results, or of a label file that names them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from afunet.anatomy.bones import Bone, Side
from afunet.anatomy.names import BoneName
from afunet.anatomy.told_names import told_name
from afunet.errors import InputError
from afunet.findings import Severity
from afunet.formats.mesh_files import MESH_WRITERS, read_mesh
from afunet.formats.readers import read_labelling
from afunet.formats.segments import Segment
from afunet.geometry import Mesh, Volume
from afunet.landmarks.limb import ASKED
from afunet.reconstruction.surface import surface
from afunet.watch import Watch
from afunet.workflows.edited_folder import COMMANDS, EditedFolder, opened
from afunet.workflows.reconstruct import INSTANCES, named_segments

Bones = dict[tuple[Bone, Side | None], list[Mesh]]
"""The surfaces of each bone in LPS mm; a pelvis has no side."""


DOUBTS = ("METAL", "FRACTURE_SUSPECTED", "BODY_CUT")
"""Flags of results that make the measures of a bone nearby doubtful."""


@dataclass(frozen=True, eq=False)
class ReadBones:
    """The bones at a path, and the codes of `DOUBTS` that the results there carry."""

    bones: Bones
    flags: tuple[str, ...] = ()


def read_bones(path: Path, watch: Watch) -> ReadBones:
    """Read the bones of `ASKED` at a path.

    It may be a folder of meshes, one bone each, named "left-femur", "Femur_L", "hip_left" and so
    on; the results of `reconstruct` or `segment`; or a label file that names its segments. Raises
    `InputError` if no such bone is named there.
    """
    if not path.exists():
        raise InputError(
            f"there is no {path}: give a folder of meshes, results, or a label file",
            code="NO_SUCH_PATH",
        )
    read = ReadBones(_of_meshes(path, watch)) if _holds_meshes(path) else _of_labels(path, watch)
    if not read.bones:
        raise InputError(
            f"{path.name} names no bone that is measured: expected one of {', '.join(ASKED)} in "
            "the names of meshes or segments; name a mask's bones with afunet reconstruct",
            code="NO_NAMED_BONE",
        )
    return read


def _holds_meshes(path: Path) -> bool:
    described = path.is_dir() and any((path / name).is_file() for name in COMMANDS)
    return path.is_dir() and not described


def _of_meshes(folder: Path, watch: Watch) -> Bones:
    files = sorted(one for one in folder.iterdir() if one.suffix.lower()[1:] in MESH_WRITERS)
    if not files:
        raise InputError(
            f"{folder.name} has no mesh file ({', '.join(MESH_WRITERS)}): put one bone into each",
            code="NO_MESHES",
        )
    bones: Bones = {}
    for file in files:
        watch.check()
        name = told_name(Segment(1, file.stem))
        if name.bone not in ASKED:
            continue
        mesh = read_mesh(file)
        if mesh.is_empty:
            raise InputError(
                f"{file.name} has no triangles: expected the surface of a bone in mm",
                code="MESH_EMPTY",
            )
        bones.setdefault(_key(name), []).append(_facing_outward(mesh))
    return bones


def _facing_outward(mesh: Mesh) -> Mesh:
    return mesh if mesh.volume_mm3 > 0 else Mesh(mesh.vertices_mm, mesh.faces[:, ::-1])


def _of_labels(path: Path, watch: Watch) -> ReadBones:
    labels, names, flags = _named(path)
    bones: Bones = {}
    for label, name in names.items():
        watch.check()
        if name.bone in ASKED and (labels.voxels == label).any():
            mesh = surface(labels.with_voxels(labels.voxels == label))
            bones.setdefault(_key(name), []).append(mesh)
    return ReadBones(bones, flags)


def _named(path: Path) -> tuple[Volume, Mapping[int, BoneName], tuple[str, ...]]:
    beside = path.name == INSTANCES and any((path.parent / name).is_file() for name in COMMANDS)
    if path.is_dir() or path.name in COMMANDS or beside:
        results = opened(path.parent if beside else path)
        return results.labels, results.names, _doubts(results)
    read = read_labelling(path)
    return read.volume, named_segments(read) if read.sides_known else {}, ()


def _doubts(results: EditedFolder) -> tuple[str, ...]:
    noticed = results.report.flags if results.report is not None else results.findings
    codes = {one.code for one in noticed if one.severity is not Severity.INFO}
    return tuple(code for code in DOUBTS if code in codes)


def _key(name: BoneName) -> tuple[Bone, Side | None]:
    return name.bone, None if name.bone is Bone.PELVIS else name.side
