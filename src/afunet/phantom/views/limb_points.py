"""Lower limbs as clouds of labelled points, drawn in 0.1 s each, for training bone names.

The name of a bone depends on its shape and place at the scale of centimetres, so no CT is
simulated. Points that fill the bones of an LLP26 limb are posed, broken, warped, cut to a field of
view and counted in voxels. Feet, spine, ribs and arms, which LLP26 lacks, are built from capsules
of about the right size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from afunet.phantom.shapes.arrays import FloatArray, Rng
from afunet.phantom.shapes.capsules import Capsule, filled
from afunet.phantom.shapes.distance import Box, grid_of_mesh
from afunet.phantom.skeleton.hip import femoral_head
from afunet.phantom.skeleton.limb_mixing import mix_limbs
from afunet.phantom.skeleton.mesh_bones import load_limb
from afunet.phantom.views.points import (
    CLASSES,
    DRAWN,
    FEWEST,
    LEFT,
    OTHER,
    RIGHT,
    STEP_MM,
    DrawnLimbs,
    Points,
    imperfect,
    jittered,
    kept_in,
)
from afunet.phantom.views.rough_bones import arm, foot, ribs, spine


@dataclass(frozen=True, eq=False)
class Limb:
    """Pelvis and left leg of an LLP26 file as points, with the joints of the leg, in LPS mm."""

    pelvis: Points
    leg: Mapping[str, Points]
    middle_x_mm: float
    hip_mm: FloatArray
    knee_mm: FloatArray
    ankle_mm: FloatArray


def load_limb_points(path: Path) -> Limb:
    """Fill the bones of an LLP26 file with points; `InputError` for any other file."""
    meshes = load_limb(path, "left")
    middle = float(np.mean([bound[0] for bound in meshes["pelvis"].bounds_mm()]))
    clouds = {}
    for name, mesh in meshes.items():
        low, high = mesh.bounds_mm()
        grid = grid_of_mesh(mesh, STEP_MM, Box.around(np.array([low, high]), STEP_MM))
        z, y, x = np.nonzero(grid.values < 0)
        mm = np.stack([x, y, z], axis=-1) * STEP_MM + grid.origin_mm
        kind = name.split(" ")[0]
        side = mm[:, 0] < middle if kind == "pelvis" else np.full(len(mm), LEFT)
        clouds[kind] = _points(mm, kind, side, -grid.values[z, y, x])
    femur = meshes["femur left"].vertices_mm
    condyles = femur[femur[:, 2] < femur[:, 2].min() + 25]
    tibia = meshes["tibia left"].vertices_mm
    plafond = tibia[tibia[:, 2] < tibia[:, 2].min() + 12]
    return Limb(
        pelvis=clouds.pop("pelvis"),
        leg=clouds,
        middle_x_mm=middle,
        hip_mm=femoral_head(meshes["femur left"], 1.0).centre_mm,
        knee_mm=np.array([*condyles.mean(axis=0)[:2], femur[:, 2].min() + 15]),
        ankle_mm=np.array([*plafond.mean(axis=0)[:2], tibia[:, 2].min() + 8]),
    )


def limbs_like(paths: Sequence[Path], rng: Rng, given: int, mixed: int) -> list[Limb]:
    """`given` of the limbs in LLP26 files, and `mixed` limbs drawn between all of them."""
    limbs = [load_limb_points(paths[index]) for index in rng.choice(len(paths), given)]
    with TemporaryDirectory() as folder:
        between = Path(folder) / "between.npz"
        for _ in range(mixed):
            mix_limbs(paths, between, rng)
            limbs.append(load_limb_points(between))
    return limbs


def draw_limbs(limbs: Sequence[Limb], rng: Rng) -> DrawnLimbs:
    """One of the limbs with posed legs, intact or broken, in a random field of view."""
    limb = limbs[int(rng.integers(len(limbs)))]
    sides = [LEFT, RIGHT] if rng.random() < 0.5 else [int(rng.integers(2))]
    parts = [_leg(limb, side, rng) for side in sides]
    parts += [limb.pelvis, *_surroundings(limb, rng)]
    points = _joined(parts)
    size = rng.uniform(0.82, 1.18) if rng.random() < 0.9 else rng.uniform(0.5, 0.82)
    stretch = size * rng.uniform(0.88, 1.12, 3)
    turn = Rotation.from_rotvec(np.deg2rad(rng.normal(0, (6, 5, 8))))
    mm = turn.apply((points.mm - limb.hip_mm) * stretch)
    points, field = _seen(points.moved(mm), rng)
    points = kept_in(field, imperfect(jittered(points, STEP_MM * size, rng), rng))
    return DrawnLimbs(points, field, STEP_MM**3 * float(np.prod(stretch)))


def _points(
    mm: FloatArray, kind: str, side: NDArray[np.generic], depth: NDArray[np.floating]
) -> Points:
    return Points(
        mm.astype(np.float32),
        np.full(len(mm), CLASSES.index(kind), dtype=np.uint8),
        side.astype(np.uint8),
        depth.astype(np.float32),
    )


def _of_capsules(capsules: Sequence[Capsule], kind: str, side: int) -> Points:
    mm, depth = filled(capsules, STEP_MM)
    return _points(mm, kind, np.full(len(mm), side), depth)


def _joined(parts: Sequence[Points]) -> Points:
    fields = ("mm", "bone", "side", "depth_mm")
    return Points(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields))


def _leg(limb: Limb, side: int, rng: Rng) -> Points:
    """A left leg in a random pose, mirrored for the right side."""
    below = _turn(abs(rng.normal(8, 10)) if rng.random() < 0.8 else rng.uniform(0, 60), "x")
    foot_turn = _turn(rng.uniform(-20, 45), "x") @ _turn(rng.normal(0, 8), "y")
    thigh = _turn(rng.normal(-4, 10), "x") @ _turn(-rng.normal(4, 4), "y")
    thigh = thigh @ _turn(rng.normal(6, 18), "z")
    end = foot(rng)
    clouds = {**limb.leg, "foot": _of_capsules(end, "foot", LEFT)}
    if rng.random() < 0.25:  # LLP26 has none, so simulated limbs have none
        del clouds["foot"]
    broken = str(rng.choice(list(clouds))) if rng.random() < 0.5 else ""
    parts = []
    for kind, cloud in clouds.items():
        mm = cloud.mm.astype(np.float64)
        if kind == broken:
            mm = _broken(mm, rng)
        if kind == "foot":
            mm = mm @ foot_turn.T + limb.ankle_mm
        if kind in ("tibia", "fibula", "foot"):
            mm = (mm - limb.knee_mm) @ below.T + limb.knee_mm
        if kind == "patella":
            bend = Rotation.from_matrix(below).as_rotvec() * 0.4
            mm = Rotation.from_rotvec(bend).apply(mm - limb.knee_mm) + limb.knee_mm
        mm = (mm - limb.hip_mm) @ thigh.T + limb.hip_mm
        parts.append(cloud.moved(mm))
    leg = _joined(parts)
    if side == LEFT:
        return leg
    mirrored = leg.mm * np.array([-1, 1, 1]) + np.array([2 * limb.middle_x_mm, 0, 0])
    return replace(leg.moved(mirrored), side=np.full_like(leg.side, RIGHT))


def _turn(degrees: float, axis: str) -> FloatArray:
    return np.asarray(Rotation.from_euler(axis, degrees, degrees=True).as_matrix())


def _broken(mm: FloatArray, rng: Rng) -> FloatArray:
    """Break the points: one side of one or two random planes moves a little."""
    for _ in range(int(rng.integers(1, 3))):
        centre, normal = mm[rng.integers(len(mm))], rng.standard_normal(3)
        moved = (mm - centre) @ normal > 0
        turn = Rotation.from_rotvec(np.deg2rad(rng.normal(0, 8, 3)))
        mm = mm.copy()
        mm[moved] = turn.apply(mm[moved] - centre) + centre + rng.normal(0, 6, 3)
    return mm


def _surroundings(limb: Limb, rng: Rng) -> list[Points]:
    """Bones outside the lower limb, and objects that are not bone."""
    low, high = limb.pelvis.mm.min(axis=0), limb.pelvis.mm.max(axis=0)
    base = np.array([limb.middle_x_mm, 0.35 * low[1] + 0.65 * high[1], high[2] - 45])
    parts = [_of_capsules(spine(base, rng), OTHER, LEFT)]
    if rng.random() < 0.7:
        parts.append(_of_capsules(ribs(base, rng), OTHER, LEFT))
    for outward in (-1.0, 1.0):
        if rng.random() < 0.5:
            parts.append(_of_capsules(arm(base, outward, rng), OTHER, LEFT))
    for _ in range(int(rng.integers(0, 3))):  # hardware, calcifications and the like
        at = limb.hip_mm + rng.uniform((-200, -80, -900), (60, 80, 100))
        end = at + rng.normal(0, 25, 3)
        parts.append(_of_capsules([Capsule(at, end, rng.uniform(2, 7))], OTHER, LEFT))
    return parts


def _seen(points: Points, rng: Rng) -> tuple[Points, Box]:
    """The points in a random field of view; one field in eight may lack bones of the limb."""
    beside = rng.random() < 0.12
    for _ in range(50):
        about = OTHER if beside else str(rng.choice(DRAWN, p=_CENTRES))
        kind = CLASSES.index(about)
        here = points.mm[points.bone == kind]
        if not len(here):
            continue
        centre = here[rng.integers(len(here))] + rng.normal(0, 15, 3)
        wide = rng.random() < 0.4
        width = rng.uniform(260, 520) if wide else _log_uniform(120, 330, rng)
        depth = rng.uniform(0.7, 1.0) * width
        short = rng.random() < 0.6  # a shaft alone, a cut joint: the hardest to name
        length = _log_uniform(60, 220, rng) if short else _log_uniform(150, 900, rng)
        half = np.array([width, max(depth, 80), length]) / 2
        if wide:
            centre[0] = 0.8 * float(points.mm[:, 0].mean()) + 0.2 * centre[0]
        field = Box.around(np.array([centre - half, centre + half]))
        inside = (points.mm > field.low_mm) & (points.mm < field.high_mm)
        seen = points.where(np.asarray(inside.all(axis=1)))
        if (seen.bone != CLASSES.index(OTHER)).sum() > FEWEST or (beside and len(seen.mm)):
            return seen, field
    return points, Box.around(points.mm)


def _log_uniform(low: float, high: float, rng: Rng) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


_CENTRES = (0.15, 0.2, 0.12, 0.2, 0.13, 0.14, 0.06)
