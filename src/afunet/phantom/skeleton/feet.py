"""Feet from surfaces of whole feet, fitted to the shanks of other people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from scipy.spatial.transform import Rotation

from afunet.errors import InputError
from afunet.geometry import Mesh
from afunet.phantom.shapes.arrays import FloatArray
from afunet.phantom.shapes.placing import mirror_in_x

LEG_BONES = ("Tibia", "Fibula", "Patella")
LOW_END_MM = 15


def foot_at(
    feet: Path, model: str, tibia: Mesh, fibula: Mesh, size: float = 1.0
) -> tuple[list[Mesh], FloatArray]:
    """The bones of a left foot below a left tibia, and the ankle's middle (3,), LPS mm.

    The file has arrays such as `Left_Talus_v` and `Left_Talus_f` (x to the right, y to the front, z
    up, mm), also for tibia and fibula. The foot of `model` "Left" or "Right" is scaled to the
    tibia, times `size`, and turned so that the fibulas match. Raises `InputError` for other files.
    """
    bones = _left_bones(feet, model)
    own, leg = _Ankle.of(bones["Tibia"], bones["Fibula"]), _Ankle.of(tibia, fibula)
    turn = Rotation.from_euler("z", leg.fibula_rad - own.fibula_rad).as_matrix()
    place = np.eye(4)
    place[:3, :3] = turn * size * leg.length_mm / own.length_mm
    place[:3, 3] = leg.middle_mm - place[:3, :3] @ own.middle_mm
    foot = [mesh.transformed(place) for name, mesh in bones.items() if name not in LEG_BONES]
    return foot, leg.middle_mm


def united(meshes: Sequence[Mesh]) -> Mesh:
    """Separate surfaces as one mesh."""
    starts = np.cumsum([0, *(len(mesh.vertices_mm) for mesh in meshes)])
    faces = [mesh.faces + start for mesh, start in zip(meshes, starts, strict=False)]
    return Mesh(np.concatenate([mesh.vertices_mm for mesh in meshes]), np.concatenate(faces))


def _left_bones(feet: Path, model: str) -> dict[str, Mesh]:
    """All bones of one leg of the file, in LPS; a right leg is mirrored."""
    turned = np.diag([-1.0, -1.0, 1.0, 1.0])
    place = turned if model == "Left" else mirror_in_x(0.0) @ turned
    try:
        with np.load(feet) as arrays:
            names = sorted(name[:-2] for name in arrays if name.startswith(model) and "_v" in name)
            bones = {
                name.split("_")[1]: Mesh(arrays[f"{name}_v"], arrays[f"{name}_f"]).transformed(
                    place
                )
                for name in names
            }
    except (OSError, KeyError, ValueError, EOFError, BadZipFile) as error:
        raise InputError(
            f"{feet.name} is no file of feet ({type(error).__name__}): expected arrays such as "
            f"{model}_Talus_v, {model}_Talus_f",
            code="NOT_A_LIMB",
        ) from error
    if not {"Tibia", "Fibula", "Talus"} <= set(bones):
        raise InputError(
            f"{feet.name} has {', '.join(sorted(bones)) or 'no bones'} of the {model.lower()} leg: "
            "expected Tibia, Fibula, Talus and the other bones of a foot",
            code="NOT_A_LIMB",
        )
    return bones


@dataclass(frozen=True, eq=False)
class _Ankle:
    middle_mm: FloatArray
    length_mm: float
    fibula_rad: float

    @classmethod
    def of(cls, tibia: Mesh, fibula: Mesh) -> _Ankle:
        ends = []
        for mesh in (tibia, fibula):
            points = mesh.vertices_mm
            ends.append(points[points[:, 2] < points[:, 2].min() + LOW_END_MM].mean(axis=0))
        aside = (ends[1] - ends[0])[:2]
        low, high = tibia.bounds_mm()
        middle = np.array([*ends[0][:2], low[2]])
        return cls(middle, float(high[2] - low[2]), float(np.arctan2(aside[1], aside[0])))
