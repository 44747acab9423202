"""Fitting bones into their joints so that they do not overlap.

Bones drawn from a statistical shape model overlap by up to 20 mm, because it models their
joint variation only roughly. Here they are moved until they are free or nearly free. What still
overlaps is cut off the second bone, which leaves the thickness of the cartilage to the first.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from afunet.anatomy.bones import Bone as BoneKind
from afunet.geometry import Mesh
from afunet.phantom.shapes.arrays import FloatArray
from afunet.phantom.shapes.distance import Box, DistanceGrid, grid_of_mesh
from afunet.phantom.shapes.placing import shift
from afunet.phantom.skeleton.bones import Bone
from afunet.phantom.skeleton.hip import femoral_head, socket_centre

CARVED_LAST = (
    BoneKind.FEMUR,
    BoneKind.TIBIA,
    BoneKind.FIBULA,
    BoneKind.PATELLA,
    BoneKind.PELVIS,
    BoneKind.VERTEBRA,
)
"""Where two bones meet, the later in this list is cut; a bone that is not in it is cut first."""

MOST_DOWN_MM, MOST_FORWARD_MM = 45.0, 15.0
"""The largest shifts of shank and patella."""
_COARSE_MM, _AROUND_MM = 2.0, 12.0
_LOW_END_MM = 200.0
"""The part of the femur that shank and patella can touch."""
# Heights of the condyles and the plateau, and the plateau's distance in front of them. By eye.
_CONDYLES_MM, _PLATEAU_MM, _FORWARD_MM = 25, 22, 3.0


def seated(meshes: dict[str, Mesh], side: str, gap_mm: float) -> dict[str, Mesh]:
    """Fit a limb's bones: head in the socket, shank below, patella in front of the condyles.

    The pelvis stays in place and the limb moves to it. The tibial plateau is put under the middle
    of the condyles. The shank moves down by at most 45 mm and the patella forward by at most
    15 mm, until the gap is reached.
    """
    femur = meshes[f"femur {side}"]
    low, high = femur.bounds_mm()
    low_end = np.array([low, [*high[:2], min(high[2], low[2] + _LOW_END_MM)]])
    surface = grid_of_mesh(femur, _COARSE_MM, Box.around(low_end, _AROUND_MM))
    tibia = meshes[f"tibia {side}"]
    under = _middle(femur, low[2], low[2] + _CONDYLES_MM) - _middle_of_plateau(tibia)
    aside = np.array([under[0], under[1] - _FORWARD_MM, 0.0])
    down = _free(surface, tibia.vertices_mm + aside, (0, 0, -1), gap_mm, MOST_DOWN_MM)
    head = femoral_head(femur, 1.0 if side == "left" else -1.0)
    limb = socket_centre(meshes["pelvis"], head, gap_mm) - head.centre_mm
    shank = aside + down
    patella = _free(
        surface, meshes[f"patella {side}"].vertices_mm, (0, -1, 0), gap_mm, MOST_FORWARD_MM
    )
    shifts = {"femur": limb, "tibia": limb + shank, "fibula": limb + shank}
    shifts |= {"patella": limb + patella, "pelvis": np.zeros(3)}
    return {
        name: mesh.transformed(shift(shifts[name.split(" ")[0]])) for name, mesh in meshes.items()
    }


def carved(bones: list[Bone], gap_mm: float) -> list[Bone]:
    """The bones with at least this gap between any two, cut in the order of `CARVED_LAST`."""
    done: list[Bone] = []
    places = {kind: place for place, kind in enumerate(CARVED_LAST)}
    for bone in sorted(bones, key=lambda bone: places.get(bone.kind, len(places))):
        surface = bone.surface
        for other in done:
            surface = _without(surface, bone, other, gap_mm)
        done.append(replace(bone, surface=surface))
    order = [bone.name for bone in bones]
    return sorted(done, key=lambda bone: order.index(bone.name))


def _without(surface: DistanceGrid, bone: Bone, other: Bone, gap_mm: float) -> DistanceGrid:
    """The surface without the part that is closer to the other bone than the gap."""
    there = np.linalg.inv(bone.pose) @ other.pose
    corners = other.surface.box.corners_mm() @ there[:3, :3].T + there[:3, 3]
    shared = surface.box.intersection(Box.around(corners))
    if shared is None:
        return surface
    first = np.floor((np.array(shared.low_mm) - surface.origin_mm) / surface.spacing_mm)
    last = np.ceil((np.array(shared.high_mm) - surface.origin_mm) / surface.spacing_mm)
    x, y, z = (slice(max(int(a), 0), int(b) + 1) for a, b in zip(first, last, strict=True))
    values = surface.values.copy()
    part = values[z, y, x]
    k, j, i = np.nonzero(part < 3 * surface.spacing_mm)
    index = np.stack([i + x.start, j + y.start, k + z.start], axis=-1)
    points = index * surface.spacing_mm + surface.origin_mm
    reached = other.distance_mm(points @ bone.pose[:3, :3].T + bone.pose[:3, 3])
    part[k, j, i] = np.maximum(part[k, j, i], gap_mm - reached)
    return replace(surface, values=values)


def _free(
    surface: DistanceGrid,
    vertices: FloatArray,
    direction: tuple[float, float, float],
    gap_mm: float,
    furthest_mm: float,
) -> FloatArray:
    """The smallest shift along a direction, in 1 mm steps, that keeps the vertices off."""
    unit = np.array(direction) / np.linalg.norm(direction)
    near = vertices[surface.distance_mm(vertices) < furthest_mm + gap_mm]
    for length in np.arange(0.0, furthest_mm, 1.0):
        if not len(near) or surface.distance_mm(near + length * unit).min() >= gap_mm:
            return np.asarray(length * unit)
    return np.asarray(furthest_mm * unit)


def _middle(mesh: Mesh, low_mm: float, high_mm: float) -> FloatArray:
    vertices = mesh.vertices_mm
    near = vertices[(vertices[:, 2] >= low_mm) & (vertices[:, 2] <= high_mm)]
    return np.asarray((near.min(axis=0) + near.max(axis=0)) / 2)


def _middle_of_plateau(tibia: Mesh) -> FloatArray:
    top = float(tibia.vertices_mm[:, 2].max())
    return _middle(tibia, top - _PLATEAU_MM, top)
