"""Twelve small legs that together touch every part of the simulator, and what they look like.

    .venv/bin/python tests/phantom/golden_legs.py

writes their digests and outlines anew, after `phantom.VERSION` was raised. Transcendental functions
differ in the last bit between processors, which turns a few voxels of a picture; so besides its
SHA-256 each picture has an outline, means over blocks, to tell that from another picture.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afunet.phantom import (
    VERSION,
    Anatomy,
    Angiogram,
    BoneQuality,
    Cast,
    Clutter,
    Fracture,
    FracturePattern,
    Girth,
    Grid,
    Implant,
    ImplantKind,
    JointSpace,
    JointTissue,
    JointTissueKind,
    LegConfig,
    Pose,
    Region,
    Scanner,
    SoftTissue,
    Source,
    Surroundings,
    TableKind,
    Wound,
    axial_grid,
    draw_leg,
    grid_of,
    simulate,
)
from afunet.phantom.shapes.distance import Box
from afunet.phantom.skeleton.limb_mixing import mix_limbs
from afunet.phantom.views.leg_views import draw_views
from afunet.phantom.views.limb_cuts import Cut, Plan, draw_person, sampled
from afunet.phantom.views.limb_points import draw_limbs, load_limb_points
from afunet.phantom.views.not_legs import KINDS, beside_trunk

GOLDEN = Path(__file__).with_name("golden_legs.json")
DATA = Path(os.environ.get("AFUNET_DATA", Path(__file__).parents[3] / "shared" / "data"))
LIMBS = [DATA / "shapes-llp26" / f"sample{number:02d}.npz" for number in range(3)]
FEET = DATA / "shapes-foot" / "vhf-legs.npz"
BLOCKS = 6
"""Blocks of an outline along each axis, where a picture has as many voxels."""
COARSE_MM = 1.6
Told = dict[str, Any]
COMMAND = ".venv/bin/python tests/phantom/golden_legs.py"


@dataclass(frozen=True, eq=False)
class Picture:
    """HU (z, y, x), zeros where nothing is scanned, and labels (z, y, x) from 0."""

    hu: NDArray[np.int16]
    labels: NDArray[np.integer]

    def told(self) -> Told:
        """Digests, how many voxels each label has, and the mean HU of blocks."""
        return {
            "hu": _digest(self.hu.astype("<i2")),
            "labels": _digest(self.labels.astype("<i4")),
            "counts": np.bincount(self.labels.ravel().astype(np.int64)).tolist(),
            "outline": np.round(_block_means(self.hu), 3).ravel().tolist(),
        }


def _digest(values: NDArray[np.generic]) -> str:
    return hashlib.sha256(str(values.shape).encode() + values.tobytes()).hexdigest()


def _block_means(values: NDArray[np.integer]) -> NDArray[np.float64]:
    means = values.astype(np.float64)
    for axis, length in enumerate(values.shape):
        edges = np.linspace(0, length, min(length, BLOCKS) + 1).astype(int)
        sums = np.add.reduceat(means, edges[:-1], axis=axis)
        shape = [-1 if k == axis else 1 for k in range(3)]
        means = sums / np.diff(edges).reshape(shape)
    return means


def _simulated(config: LegConfig) -> Picture:
    leg = simulate(config)
    return Picture(leg.volume.voxels.astype(np.int16), leg.fragments.volume.voxels)


def plain_knee(folder: Path) -> Picture:
    """Nothing but the defaults."""
    grid = axial_grid((4, 48, 48), 3.0, 30.0, (100.0, 10.0, 0.0))
    return _simulated(LegConfig(seed=1, grid=grid, anatomy=Anatomy(surface_step_mm=COARSE_MM)))


def broken_knee_with_screws(folder: Path) -> Picture:
    """Fragments, chips, screws in the tibia and their streaks."""
    return _simulated(
        LegConfig(
            seed=2,
            grid=axial_grid((5, 64, 64), 2.0, 8.0, (100.0, 10.0, -25.0)),
            anatomy=Anatomy(surface_step_mm=COARSE_MM),
            fractures=(Fracture("tibia left", -22.0, pieces=4, chips=3, displacement_mm=5.0),),
            implants=(Implant("tibia left", ImplantKind.SCREWS, -28.0),),
        )
    )


def knee_with_clinical_fractures(folder: Path) -> Picture:
    """Contact, impaction, small pieces, chips and lines; blood in the gaps, changed bone."""
    wound = Wound(blood_hu=70.0, beside_hu=120.0)
    plateau = Fracture(
        "tibia left",
        0.0,
        pieces=6,
        chips=2,
        pattern=FracturePattern.PLATEAU_SPLIT_DEPRESSION,
        impaction_mm=1.5,
        cracks=2,
        wound=wound,
    )
    patella = Fracture("patella left", 35.0, pattern=FracturePattern.PATELLA_STELLATE, gap_mm=2.0)
    return _simulated(
        LegConfig(
            seed=10,
            grid=axial_grid((6, 64, 64), 2.0, 12.0, (100.0, -5.0, 0.0)),
            anatomy=Anatomy(surface_step_mm=COARSE_MM),
            fractures=(plateau, patella),
        )
    )


def knee_in_a_cast(folder: Path) -> Picture:
    """Padded plaster, cloth, a zip, objects, two table shells, contrast in a swollen joint."""
    return _simulated(
        LegConfig(
            seed=3,
            grid=axial_grid((3, 64, 64), 3.5, 30.0, (100.0, 20.0, 5.0)),
            anatomy=Anatomy(surface_step_mm=COARSE_MM),
            soft=SoftTissue(effusion=0.8, arthrogram_hu=900.0, gas=True, haze=0.7, septa=0.8),
            surroundings=Surroundings(
                table=TableKind.DOUBLE,
                cast=Cast(dashes=14, unevenness=0.2),
                sheets=2,
                objects=3,
                zips=1,
            ),
            scanner=Scanner(round_field=True, sharpness=0.9, thickness_mm=5.0),
        )
    )


def bright_vessels_and_clutter(folder: Path) -> Picture:
    """Two bent knees on a tray, vessels with contrast and chalk, everything of the clutter."""
    return _simulated(
        LegConfig(
            seed=4,
            grid=axial_grid((3, 48, 96), 4.5, 40.0, (0.0, 15.0, 10.0)),
            anatomy=Anatomy(
                sides=("left", "right"),
                poses=(Pose(12.0, 20.0), Pose(-3.0, 2.0)),
                stretch=(1.05, 0.95, 1.0),
                surface_step_mm=COARSE_MM,
            ),
            soft=SoftTissue(
                girth=Girth(muscle=0.9, fat_mm=20.0),
                calcified=True,
                angiogram=Angiogram(plaque=0.8),
            ),
            clutter=Clutter(30, 10, 8, 12, 3, 6),
            surroundings=Surroundings(table=TableKind.TRAY),
        )
    )


def thin_bone_seen_obliquely(folder: Path) -> Picture:
    """A thinned right knee with cysts, a tunnel, a nail and a plate, on a tilted grid."""
    turn = np.eye(4)
    turn[:3, :3] = [[1.0, 0.0, 0.0], [0.0, 0.8, -0.6], [0.0, 0.6, 0.8]]
    grid = axial_grid((4, 48, 48), 3.0, 20.0, (0.0, 0.0, 0.0)).matrix()
    place = np.eye(4)
    place[:3, 3] = (-100.0, 10.0, -15.0)
    return _simulated(
        LegConfig(
            seed=5,
            grid=grid_of(place @ turn @ grid, (4, 48, 48)),
            anatomy=Anatomy(sides=("right",), surface_step_mm=COARSE_MM, warp_mm=2.0),
            bone=BoneQuality(0.4, 0.6, cysts=3, tunnel=True, end_loss=0.6, patchy=0.7),
            implants=(
                Implant("tibia right", ImplantKind.NAIL, -60.0, seed=1),
                Implant("femur right", ImplantKind.PLATE, 50.0, seed=2),
                Implant("femur right", ImplantKind.WIRES, 30.0, seed=3),
            ),
            surroundings=Surroundings(table=TableKind.FLAT),
        )
    )


def block_of_a_folder(folder: Path) -> Picture:
    """A mesh file's bone of no known kind."""
    corners = "".join(f"v {x} {y} {z}\n" for z in (-30, 40) for y in (0, 31) for x in (80, 121))
    faces = ((1, 3, 4), (1, 4, 2), (5, 6, 8), (5, 8, 7), (1, 2, 6), (1, 6, 5))
    faces += ((3, 7, 8), (3, 8, 4), (1, 5, 7), (1, 7, 3), (2, 4, 8), (2, 8, 6))
    lines = "".join("f {} {} {}\n".format(*face) for face in faces)
    (folder / "block left.obj").write_text(corners + lines)
    anatomy = Anatomy(source=Source.FOLDER, path=folder, surface_step_mm=COARSE_MM)
    grid = axial_grid((3, 40, 40), 3.0, 20.0, (100.0, 15.0, 0.0))
    return _simulated(LegConfig(seed=6, grid=grid, anatomy=anatomy))


def random_knee(folder: Path) -> Picture:
    """A knee with all that is drawn at random."""
    return _simulated(draw_leg(11, grid=axial_grid((3, 64, 64), 3.5, 40.0, (0.0, 10.0, 10.0))))


def knees_with_dense_joints(folder: Path) -> Picture:
    """Tophi, synovium, settled blood under fat and contrast medium in all spaces of two knees."""
    tissues = [
        JointTissue(kind, (space, *JointSpace), 0.6, gap_mm=gap, side=side)
        for kind, space, gap, side in (
            (JointTissueKind.TOPHI, JointSpace.NOTCH, 0.0, "left"),
            (JointTissueKind.SYNOVIUM, JointSpace.CYST, 1.5, "right"),
        )
    ]
    blood = JointTissue(
        JointTissueKind.BLOOD, (JointSpace.GUTTERS,), level_mm=5.0, fat_level_mm=-5.0
    )
    fluid = JointTissue(JointTissueKind.CONTRAST, (JointSpace.ABOVE_PATELLA,), level_mm=-30.0)
    return _simulated(
        LegConfig(
            seed=7,
            grid=axial_grid((4, 48, 96), 4.0, 22.0, (0.0, 10.0, 25.0)),
            anatomy=Anatomy(
                sides=("left", "right"), poses=(Pose(), Pose(-6.0)), surface_step_mm=COARSE_MM
            ),
            soft=SoftTissue(joint_tissue=(*tissues, blood, fluid)),
        )
    )


def trunk_with_organs(folder: Path) -> Picture:
    """Random slices above the iliac crest with spine, bowel, kidneys and vessels."""
    drawn = draw_leg(12, Region.TRUNK, LIMBS[:1], size=64, slices=3)
    anatomy = replace(drawn.anatomy, surface_step_mm=2.5)
    return _simulated(replace(drawn, anatomy=anatomy))


def broken_hip(folder: Path) -> Picture:
    """Both hips, a broken femur, the trunk without organs."""
    anatomy = Anatomy(Source.LIMB_FILE, LIMBS[0], surface_step_mm=2.0)
    grid: Grid = axial_grid((3, 48, 72), 5.0, 25.0, (20.0, 0.0, 400.0))
    fracture = Fracture("femur left", 380.0, pieces=3, tilt_deg=6.0, seed=4)
    return _simulated(LegConfig(seed=8, grid=grid, anatomy=anatomy, fractures=(fracture,)))


def limbs_for_names(folder: Path) -> Picture:
    """No CT: a mixed person with feet, cut; what is no leg; limbs as points; views of a leg."""
    rng = np.random.default_rng(9)
    mixed = folder / "mixed.npz"
    mix_limbs(LIMBS, mixed, rng)
    person = draw_person(mixed, FEET, Plan(broken=0.4), rng)
    person += beside_trunk(np.array([0.0, 0.0, 950.0]), rng)
    whole = np.array([bone.solid.bounds_mm() for bone in person])
    field = Box.around(np.array([whole[:, 0].min(axis=0), whole[:, 1].max(axis=0)]))
    labels = [sampled(person, Cut(field, (9.0, 9.0, 9.0))).voxels]
    for draw in KINDS.values():
        bones = draw(rng)
        labels.append(sampled(bones, Cut(Box((-150,) * 3, (150,) * 3), (6.0, 6.0, 6.0))).voxels)
    limb = load_limb_points(LIMBS[1])
    drawn = [draw_limbs([limb], rng) for _ in range(8)]
    drawn += draw_views(21, 2)
    for view in drawn:
        places = np.rint(view.points.mm / 4).astype(int) % 64
        counts = np.zeros((64, 64, 64), dtype=int)
        np.add.at(counts, tuple(places.T), 1 + view.points.bone + 10 * view.points.side)
        labels.append(counts)
    flat = np.concatenate([one.ravel() for one in labels])[None, None]
    return Picture(np.zeros((1, 1, 1), dtype=np.int16), flat)


LEGS: dict[str, Callable[[Path], Picture]] = {
    draw.__name__: draw
    for draw in (
        plain_knee,
        broken_knee_with_screws,
        knee_with_clinical_fractures,
        knee_in_a_cast,
        bright_vessels_and_clutter,
        thin_bone_seen_obliquely,
        block_of_a_folder,
        random_knee,
        knees_with_dense_joints,
        trunk_with_organs,
        broken_hip,
        limbs_for_names,
    )
}
OF_LIMB_FILES = (trunk_with_organs, broken_hip, limbs_for_names)
MOST_HU, MOST_VOXELS = 0.1, 4
"""What processors may differ by: in the mean of a block, and in how many voxels labels have.

Measured with the arithmetic of AVX-512, AVX2 and SSE alone: of 104,769 voxels two differ, by 1 HU,
which is 0.02 HU of a block; no label does.
"""


def same_picture(one: Told, other: Told) -> bool:
    """Whether two pictures are the same but for the last bit of the arithmetic."""
    if one == other:
        return True
    if one.keys() != other.keys():
        return False
    counts, outlines = ([told[name] for told in (one, other)] for name in ("counts", "outline"))
    return (
        len(counts[0]) == len(counts[1])
        and len(outlines[0]) == len(outlines[1])
        and int(np.abs(np.subtract(*counts)).sum()) <= MOST_VOXELS
        and float(np.abs(np.subtract(*outlines)).max()) <= MOST_HU
    )


def main() -> None:
    """Write what the legs look like; refused where pictures changed and the version did not."""
    missing = [path.name for path in (*LIMBS, FEET) if not path.is_file()]
    if missing:
        sys.exit(f"AFUNET_DATA has no {', '.join(missing)}: all legs are drawn or none")
    before = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {"version": None, "legs": {}}
    legs = {}
    for name, draw in LEGS.items():
        with TemporaryDirectory() as folder:
            legs[name] = draw(Path(folder)).told()
    changed = [
        name for name, told in before["legs"].items() if not same_picture(told, legs.get(name, {}))
    ]
    if changed and before["version"] == VERSION:
        sys.exit(f"{', '.join(changed)} changed: raise phantom.VERSION above {VERSION} first")
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(told)}" for name, told in legs.items())
    GOLDEN.write_text(f'{{"version": {VERSION}, "legs": {{\n{lines}\n}}}}\n')
    print(f"{GOLDEN.name}: simulator {VERSION}, {len(legs)} legs, changed: {changed or 'none'}")


if __name__ == "__main__":
    main()
