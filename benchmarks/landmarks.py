"""Landmarks and angles of femora and pelves against five raters, on `shapes-vsd`.

    .venv/bin/python -m benchmarks.landmarks [--people z001 z009]

The bones of `shapes-vsd` below `AFUNET_DATA` are for reports only: nothing was fitted to them. Each
of five raters marked each landmark four times on these meshes. The reference is the mean of the
raters' means. Prints a row a landmark: the mean and largest distance to the reference in mm, and
beside it the mean distance of a single rater. Then a row an angle: the mean and largest absolute
difference to the mean of the raters' angles, the SD between raters, and the intraclass correlation
of both (ICC(3,1)). Then a row a bone. The raters' head centre is that of the sphere through their
six points; their neck axis goes through it and the mean of their four points of the neck; the shaft
axis is ours.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afunet.anatomy.bones import Side
from afunet.geometry import Mesh
from afunet.landmarks.femur import EPICONDYLAR, MLDFA, NECK_SHAFT, VERSION_NECK, measure_femur
from afunet.landmarks.frame import Frame
from afunet.landmarks.limb import MIRROR
from afunet.landmarks.pelvis import measure_pelvis
from afunet.landmarks.results import Definition, Found
from afunet.landmarks.spheres import fitted_sphere
from afunet.landmarks.spread import POINTS
from afunet.landmarks.vectors import across, angle_deg, turn_deg
from afunet.reconstruction.surface_points import points_on
from benchmarks.bench import data_set, parser_of, print_heading, print_row

FloatArray = NDArray[np.float64]
Points = Mapping[str, FloatArray]

HEAD = "Femoral Head Centre"
ANGLES = (VERSION_NECK, EPICONDYLAR, NECK_SHAFT, MLDFA)


@dataclass(frozen=True, eq=False)
class Judged:
    """One bone: what was found, and each rater's landmarks; right femora are mirrored."""

    name: str
    found: Found
    raters: Sequence[Points]

    @property
    def reference(self) -> dict[str, FloatArray]:
        """The mean of the raters."""
        return {
            name: np.mean([rater[name] for rater in self.raters], axis=0) for name in self.raters[0]
        }

    def distances(self) -> dict[str, tuple[float, float]]:
        """For each landmark, our distance to the reference and the mean one of a rater, in mm."""
        reference = self.reference
        return {
            name: (
                float(np.linalg.norm(point - reference[name])),
                float(
                    np.mean([np.linalg.norm(one[name] - reference[name]) for one in self.raters])
                ),
            )
            for name, point in self.found.landmarks.items()
            if name in reference
        }


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the three tables."""
    parser = parser_of(__doc__)
    parser.add_argument("--people", nargs="*", help="default: all")
    people = parser.parse_args(arguments).people
    files = sorted(data_set("shapes-vsd").glob("*_landmarks.json"))
    names = people or [file.name.removesuffix("_landmarks.json") for file in files]
    bones: list[Judged] = []
    for name in names:
        bones += judged(data_set("shapes-vsd"), name)
    shown = [bone for bone in bones if bone.found.axes]
    print(f"{len(shown)} of {len(bones)} bones measured\n")
    print_landmarks(shown)
    femora = [bone for bone in shown if HEAD in bone.found.landmarks]
    print_angles(femora)
    print_bones(shown, femora)


def judged(folder: Path, person: str) -> list[Judged]:
    """The femur and the pelvis of a person."""
    marked = json.loads((folder / f"{person}_landmarks.json").read_text(encoding="utf-8"))
    letter = str(marked["femur_side"])[:1].upper()
    right = letter == "R"
    with np.load(folder / f"{person}.npz") as arrays:
        femur = _mesh(arrays, [f"Femur_{letter}"])
        pelvis = _mesh(arrays, ["Hip_L", "Hip_R", "Sacrum"])
    femur = femur.transformed(MIRROR) if right else femur
    raters = [_with_head(one) for one in _raters(marked["femur"], mirrored=right)]
    side = Side.RIGHT if right else Side.LEFT
    return [
        Judged(f"{person} {side} femur", measure_femur(points_on(femur, POINTS)), raters),
        Judged(
            f"{person} pelvis", measure_pelvis(points_on(pelvis, POINTS)), _raters(marked["pelvis"])
        ),
    ]


def _mesh(arrays: Mapping[str, NDArray[Any]], names: Sequence[str]) -> Mesh:
    starts = np.cumsum([0, *(len(arrays[f"{name}_v"]) for name in names)])
    faces = [arrays[f"{name}_f"] + start for name, start in zip(names, starts[:-1], strict=True)]
    return Mesh(np.concatenate([arrays[f"{name}_v"] for name in names]), np.concatenate(faces))


def _raters(marked: Mapping[str, Mapping[str, Any]], *, mirrored: bool = False) -> list[Points]:
    """The mean of each rater's marks by landmark, for raters who marked every landmark."""
    raters = sorted(set.intersection(*(set(marks) for marks in marked.values())))
    flip = np.array([-1.0 if mirrored else 1.0, 1.0, 1.0])
    return [
        {
            name: np.nanmean(np.array(marks[rater], float), axis=0) * flip
            for name, marks in marked.items()
        }
        for rater in raters
    ]


def _with_head(marked: Points) -> Points:
    head = np.array([point for name, point in marked.items() if "Femoral Head" in name])
    return {**marked, HEAD: fitted_sphere(head)[0]}


def marked_angles(at: Points, shaft: FloatArray) -> dict[Definition, float]:
    """The angles of marked landmarks of a left femur, by the same definitions as ours."""
    head, notch = at[HEAD], at["Intercondylar Notch (ICN)"]
    posterior = at["Posterior Lateral Condyle (PLC)"] - at["Posterior Medial Condyle (PMC)"]
    frame = Frame.of(head, head - notch, posterior)
    neck = np.mean([point for name, point in at.items() if "Neck Isthmus" in name], axis=0) - head
    wide = at["Lateral Epicondyle (LEC)"] - at["Medial Epicondyle (MEC)"]
    distal = at["Distal Lateral Condyle (DLC)"] - at["Distal Medial Condyle (DMC)"]
    return {
        VERSION_NECK: turn_deg(frame.lateral, neck, frame.proximal),
        EPICONDYLAR: turn_deg(frame.lateral, wide, frame.proximal),
        NECK_SHAFT: angle_deg(neck, shaft),
        MLDFA: angle_deg(across(distal, frame.posterior), frame.proximal),
    }


def print_landmarks(bones: Sequence[Judged]) -> None:
    """Print a row a landmark over all bones."""
    pairs: dict[str, list[tuple[float, float]]] = {}
    for bone in bones:
        for name, pair in bone.distances().items():
            pairs.setdefault(name, []).append(pair)
    print_heading("landmark", "bones:", "mean mm:", "largest mm:", "one rater, mean mm:")
    for name, both in pairs.items():
        ours, raters = np.array(both).T
        print_row(name, len(ours), *_numbers(ours.mean(), ours.max(), raters.mean()))
    print()


def print_angles(femora: Sequence[Judged]) -> None:
    """Print a row an angle over all femora."""
    print_heading("angle", "femora:", "mean °:", "largest °:", "SD of raters °:", "ICC:")
    for definition in ANGLES:
        rows = [_angle(bone, definition) for bone in femora]
        if not rows:
            continue
        ours, marked, spread = np.array(rows).T
        off = np.abs(ours - marked)
        shown = (off.mean(), off.max(), np.sqrt((spread**2).mean()), agreement(ours, marked))
        print_row(definition.name, len(rows), *_numbers(*shown))
    print()


def print_bones(bones: Sequence[Judged], femora: Sequence[Judged]) -> None:
    """Print a row a bone: landmarks, and the signed differences of a femur's angles."""
    print_heading(
        "bone", "landmarks, mean mm:", "largest mm:", *(f"{one.name} °:" for one in ANGLES)
    )
    for bone in bones:
        off = [ours for ours, _ in bone.distances().values()]
        differences: list[float] = []
        if bone in femora:
            rows = (_angle(bone, definition) for definition in ANGLES)
            differences = [ours - marked for ours, marked, _ in rows]
        print_row(bone.name, *_numbers(float(np.mean(off)), max(off), *differences))


def _numbers(*values: float) -> list[str]:
    return [f"{value:.2f}" for value in values]


def _angle(bone: Judged, definition: Definition) -> tuple[float, float, float]:
    """Our angle, the mean of the raters' and the SD between them."""
    shaft = bone.found.axes["shaft axis"].direction
    marked = [marked_angles(rater, shaft)[definition] for rater in bone.raters]
    return bone.found.measures[definition], float(np.mean(marked)), float(np.std(marked, ddof=1))


def agreement(ours: FloatArray, marked: FloatArray) -> float:
    """ICC(3,1) of two columns of values: consistency (Shrout and Fleiss 1979)."""
    both = np.stack([ours, marked], axis=1)
    if len(both) < 2:
        return float("nan")
    rows, columns = both.mean(axis=1, keepdims=True), both.mean(axis=0, keepdims=True)
    between = 2 * ((rows - both.mean()) ** 2).sum() / (len(both) - 1)
    rest = ((both - rows - columns + both.mean()) ** 2).sum() / (len(both) - 1)
    return float((between - rest) / (between + rest))


if __name__ == "__main__":
    main()
