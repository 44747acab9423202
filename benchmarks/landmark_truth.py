"""Landmarks and angles of legs of the shape model: do they go along, and do they see known changes?

    .venv/bin/python -m benchmarks.landmark_truth [--limbs 3 8] [--copies 20] [--grid 0.8 0.8 1.0]

The first two tables: how much each measure and landmark differs between copies of one leg and
pelvis, each copy turned at random, every second one mirrored, and its surface drawn anew; with
`--grid`, each copy is a mask on a grid of that voxel size (mm), and the surface that of the mask.
The third: changes of known size (the shaft of the femur or the shank twisted by 15°, the shank
turned by 5° in the frontal plane or the knee bent by 10°, a head of a known centre), and how far
the measured changes are off.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from afunet.anatomy.bones import Bone
from afunet.geometry import Mesh, Volume
from afunet.landmarks.femur import VERSION_BASE, VERSION_NECK
from afunet.landmarks.leg import FLEXION, HKA, TORSION_MALLEOLI, TORSION_PLAFOND
from afunet.landmarks.limb import MIRROR, left_leg
from afunet.landmarks.pelvis import measure_pelvis
from afunet.landmarks.results import Definition, Found, Line
from afunet.landmarks.spread import POINTS
from afunet.phantom.shapes.lattice import inside_mesh
from afunet.phantom.skeleton.mesh_bones import load_limb
from afunet.reconstruction.surface import surface
from afunet.reconstruction.surface_points import points_on
from benchmarks.bench import llp26, parser_of, print_heading, print_row

FloatArray = NDArray[np.float64]
Bones = Mapping[Bone, Mesh]
TWIST_DEG, TILT_DEG, BEND_DEG, HEAD_MM = 15.0, 5.0, 10.0, 1.5
OTHER = {"Left": "Right", "Right": "Left"}
HEAD = "Femoral Head Centre"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the three tables."""
    parser = parser_of(__doc__)
    parser.add_argument("--limbs", nargs="*", type=int, default=[3, 8])
    parser.add_argument("--copies", type=int, default=20)
    parser.add_argument("--grid", nargs=3, type=float, help="voxel size: column, row, slice")
    asked = parser.parse_args(arguments)
    spread: dict[str, list[float]] = defaultdict(list)
    moved: dict[str, list[float]] = defaultdict(list)
    off: dict[str, list[float]] = defaultdict(list)
    for number in asked.limbs:
        (path,) = llp26(range(number, number + 1))
        bones = {Bone.of(name): mesh for name, mesh in load_limb(path, "left").items()}
        _add_copies(bones, asked.copies, asked.grid, number, spread, moved)
        _add_changes(bones, number, off)
    print_table("measure", "SD, mean:", "SD, largest:", spread)
    print_table("landmark", "SD mm, mean:", "SD mm, largest:", moved)
    print_table("known change", "off, mean:", "off, largest:", off)
    print(f"{len(asked.limbs)} legs, {asked.copies} copies each, {len(spread)} measures")


def print_table(first: str, mean: str, largest: str, rows: Mapping[str, Sequence[float]]) -> None:
    """Print a row for each name: over the legs, mean and largest."""
    print_heading(first, "legs:", mean, largest)
    for name, values in rows.items():
        print_row(name, len(values), f"{np.mean(values):.2f}", f"{np.max(values):.2f}")
    print()


def found_on(bones: Bones, seed: int) -> dict[str, Found]:
    """What is found on a left leg and its pelvis."""
    surfaces = {bone: points_on(mesh, POINTS, seed) for bone, mesh in bones.items()}
    pelvis = surfaces.pop(Bone.PELVIS, None)
    found = left_leg(surfaces, {})
    return found if pelvis is None else found | {str(Bone.PELVIS): measure_pelvis(pelvis)}


def _add_copies(
    bones: Bones,
    copies: int,
    grid: Sequence[float] | None,
    number: int,
    spread: dict[str, list[float]],
    moved: dict[str, list[float]],
) -> None:
    values: dict[str, list[float]] = defaultdict(list)
    places: dict[str, list[FloatArray]] = defaultdict(list)
    for copy in range(copies):
        add_copy(bones, grid, 1000 * number + copy, values, places)
    for name, every in values.items():
        spread[name].append(float(np.std(every, ddof=1)))
    for name, points in places.items():
        moved[name].append(float(np.sqrt(np.var(np.array(points), axis=0, ddof=1).sum())))


def add_copy(
    bones: Bones,
    grid: Sequence[float] | None,
    seed: int,
    values: dict[str, list[float]],
    places: dict[str, list[FloatArray]],
) -> None:
    """Measure one copy; add its values, and its landmarks moved back to where the leg lies."""
    rng = np.random.default_rng(seed)
    move = np.eye(4)
    move[:3, :3] = Rotation.random(rng=rng).as_matrix()
    move[:3, 3] = rng.uniform(-300, 300, 3)
    mirrored = seed % 2 == 1
    move = MIRROR @ move if mirrored else move
    there = {bone: mesh.transformed(move) for bone, mesh in bones.items()}
    if grid:
        there = {bone: on_grid(mesh, np.array(grid), rng) for bone, mesh in there.items()}
    if mirrored:  # a right leg is mirrored, and its pelvis is not
        there = {
            bone: mesh if bone is Bone.PELVIS else mesh.transformed(MIRROR)
            for bone, mesh in there.items()
        }
    for part, found in found_on(there, seed).items():
        pelvis = part == Bone.PELVIS
        back = np.linalg.inv(move if pelvis or not mirrored else MIRROR @ move)
        for definition, value in found.measures.items():
            values[definition.name].append(value)
        for name, point in found.landmarks.items():
            same = other_side(name) if pelvis and mirrored else name
            places[same].append(back[:3, :3] @ point + back[:3, 3])


def other_side(name: str) -> str:
    """The landmark's name in the mirror image of a pelvis."""
    side, _, rest = name.partition(" ")
    return f"{OTHER[side]} {rest}" if side in OTHER else name


def on_grid(mesh: Mesh, spacing_mm: FloatArray, rng: np.random.Generator) -> Mesh:
    """The surface of the mesh's mask on a grid that begins anywhere."""
    low, high = mesh.bounds_mm()
    origin = low - spacing_mm * (2 + rng.random(3))
    count = np.ceil((high - origin) / spacing_mm).astype(int) + 3
    affine = np.diag([*spacing_mm, 1.0])
    affine[:3, 3] = origin
    mask = inside_mesh(mesh, origin, spacing_mm, count)
    return surface(Volume(mask.astype(np.uint8), affine))


def _add_changes(bones: Bones, number: int, off: dict[str, list[float]]) -> None:
    leg: dict[Bone, Mesh] = {**bones}
    leg.pop(Bone.PELVIS, None)
    before = found_on(leg, 1)
    femur, tibia = before.get(Bone.FEMUR, Found()), before.get(Bone.TIBIA, Found())
    if "mechanical axis" not in femur.axes or "mechanical axis" not in tibia.axes:
        return
    below = (Bone.TIBIA, Bone.FIBULA, Bone.PATELLA)
    knee = tibia.axes["mechanical axis"]
    long = np.linalg.norm(knee.point_mm - tibia.landmarks["Plafond Centre"])
    thigh = Line(femur.landmarks[HEAD], femur.axes["mechanical axis"].direction)
    shaft = float(np.linalg.norm(thigh.point_mm - femur.landmarks["Intercondylar Notch (ICN)"]))
    lateral, back = femur.axes["lateral"].direction, femur.axes["posterior"].direction

    def changed(new: Bones, definition: Definition) -> float:
        after = found_on({**leg, **new}, 2)
        now = next(one.measures[definition] for one in after.values() if definition in one.measures)
        then = next(
            one.measures[definition] for one in before.values() if definition in one.measures
        )
        return now - then

    twisted = {Bone.FEMUR: twist(leg[Bone.FEMUR], thigh, shaft)}
    for definition in (VERSION_NECK, VERSION_BASE):
        off[f"femur twisted: {definition.name}"].append(
            abs(abs(changed(twisted, definition)) - TWIST_DEG)
        )
    shank = {bone: twist(leg[bone], knee, float(long)) for bone in (Bone.TIBIA, Bone.FIBULA)}
    for definition in (TORSION_MALLEOLI, TORSION_PLAFOND):
        off[f"shank twisted: {definition.name}"].append(abs(changed(shank, definition) - TWIST_DEG))
    tilted = {bone: turned(leg[bone], knee.point_mm, TILT_DEG * back) for bone in below}
    off[f"shank tilted: {HKA.name}"].append(abs(abs(changed(tilted, HKA)) - TILT_DEG))
    bent = {bone: turned(leg[bone], knee.point_mm, BEND_DEG * lateral) for bone in below}
    off[f"knee bent: {FLEXION.name}"].append(abs(abs(changed(bent, FLEXION)) - BEND_DEG))
    centre, head = with_head(leg[Bone.FEMUR], femur, np.random.default_rng(number))
    there = found_on({Bone.FEMUR: head}, 2)[Bone.FEMUR].landmarks[HEAD]
    off["round head: its centre, mm"].append(float(np.linalg.norm(there - centre)))


def twist(mesh: Mesh, axis: Line, length_mm: float) -> Mesh:
    """Twist what lies 30 to 70 % of a length below a point about an axis, and turn all below."""
    out = mesh.vertices_mm - axis.point_mm
    share = np.clip((-(out @ axis.direction) / length_mm - 0.3) / 0.4, 0, 1)
    turn = Rotation.from_rotvec(TWIST_DEG * share[:, None] * axis.direction, degrees=True)
    return Mesh(turn.apply(out) + axis.point_mm, mesh.faces)


def turned(mesh: Mesh, centre_mm: FloatArray, vector_deg: FloatArray) -> Mesh:
    """The mesh turned about a point."""
    turn = Rotation.from_rotvec(vector_deg, degrees=True)
    return Mesh(turn.apply(mesh.vertices_mm - centre_mm) + centre_mm, mesh.faces)


def with_head(mesh: Mesh, found: Found, rng: np.random.Generator) -> tuple[FloatArray, Mesh]:
    """The femur with a head that is exactly round, and its centre, a little elsewhere."""
    shift = rng.normal(size=3)
    centre = found.landmarks[HEAD] + HEAD_MM * shift / np.linalg.norm(shift)
    radius = next(v for d, v in found.measures.items() if d.name == "femoral head diameter") / 2
    out = mesh.vertices_mm - centre
    far = np.linalg.norm(out, axis=1)
    along = out @ found.axes["neck axis"].direction / np.maximum(far, 1e-9)
    there = (np.abs(far - radius) < 0.2 * radius) & (along < 0.4)
    round_mm = centre + out / far[:, None] * radius
    return centre, Mesh(np.where(there[:, None], round_mm, mesh.vertices_mm), mesh.faces)


if __name__ == "__main__":
    main()
