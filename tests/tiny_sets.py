"""Data sets laid out like the real ones, small enough for a test: bones of capsules, a coarse knee.

What a script prints on them is read back as tables, so that tests can ask for numbers.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray
from PIL import Image

from afunet.formats.nifti import write_nifti
from afunet.phantom import (
    Anatomy,
    Fracture,
    LegConfig,
    Pose,
    SimulatedLeg,
    axial_grid,
    simulate,
    write_dicom_series,
)
from afunet.preprocessing import BONE_WINDOW

Arrays = dict[str, NDArray[np.generic]]
Ends = tuple[tuple[float, float, float], tuple[float, float, float], float]
LIMBS, ENLARGED = 20, 3
HIP_BONES: Mapping[str, Ends] = {
    "Hip_R": ((-90, 0, 480), (-70, 20, 350), 30),
    "Sacrum": ((0, 40, 470), (0, 45, 400), 30),
    "Hip_L": ((90, 0, 480), (70, 20, 350), 30),
}
LEG: Mapping[str, Ends] = {
    "Femur": ((90, 0, 400), (80, 0, 30), 22),
    "Patella": ((80, -45, 40), (80, -45, 20), 14),
    "Tibia": ((80, 0, 0), (80, 5, -340), 20),
    "Fibula": ((115, 15, -25), (108, 15, -345), 8),
}
FOOT: Mapping[str, Ends] = {
    "Talus": ((80, 5, -375), (80, -10, -378), 12),
    "Calcaneus": ((80, 45, -395), (80, 10, -395), 14),
    "Metatarsals": ((80, -40, -395), (80, -110, -400), 14),
}


@dataclass(frozen=True)
class Table:
    """A Markdown table; `numeric` tells which columns are aligned as numbers are."""

    heading: list[str]
    numeric: list[bool]
    rows: list[list[str]]

    def numbers(self) -> list[str]:
        """The cells of its numeric columns."""
        return [
            cell
            for row in self.rows
            for cell, numeric in zip(row, self.numeric, strict=True)
            if numeric
        ]


class Printed:
    """A script's output, and the Markdown tables in it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tables: list[Table] = []
        blocks = re.findall(r"(?:^\|.*\|$\n?)+", text, re.MULTILINE)
        for heading, line, *rows in ([*map(_cells, block.splitlines())] for block in blocks):
            self.tables.append(Table(heading, [cell.endswith(":") for cell in line], rows))


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line[1:-1].split("|")]


def rod(ends: Ends) -> trimesh.Trimesh:
    """A watertight capsule between two points, always of the same triangles."""
    low, high, radius = np.array(ends[0]), np.array(ends[1]), ends[2]
    matrix = trimesh.geometry.align_vectors([0, 0, 1], high - low)
    matrix[:3, 3] = (low + high) / 2
    length = float(np.linalg.norm(high - low))
    return trimesh.creation.capsule(length, radius, count=[12, 12], transform=matrix)


def surfaces_of(bones: Mapping[str, Ends], flip: Sequence[int], prefix: str = "") -> Arrays:
    """Vertices and triangles by name, x and y and z times `flip`."""
    order = int(np.prod(flip))
    arrays: Arrays = {}
    for name, ends in bones.items():
        mesh = rod(ends)
        arrays[f"{prefix}{name}_v"] = np.float32(mesh.vertices * flip)
        arrays[f"{prefix}{name}_f"] = np.int32(mesh.faces[:, ::order])
    return arrays


def write_limb(path: Path, number: int) -> None:
    """A limb as LLP26 keeps it, each of another shape."""
    rng = np.random.default_rng(number)
    wide = 1 + 0.1 * rng.standard_normal()
    parts = {
        "pelvis": list(HIP_BONES.values()),
        "femur_l": [LEG["Femur"]],
        "patella_l": [LEG["Patella"]],
        "tibfib_l": [LEG["Tibia"], LEG["Fibula"]],
    }
    arrays: Arrays = {}
    for name, every in parts.items():
        mesh = trimesh.util.concatenate([rod((low, high, r * wide)) for low, high, r in every])
        arrays[f"{name}_v"], arrays[f"{name}_f"] = np.float32(mesh.vertices), np.int32(mesh.faces)
    np.savez(path, **arrays)  # type: ignore[arg-type]


def write_shapes(home: Path) -> None:
    """LLP26 limbs, the Visible Human's feet, a person of VSDFullBody."""
    for name in ("shapes-llp26", "shapes-foot", "shapes-vsd"):
        (home / name).mkdir()
    for number in range(LIMBS):
        write_limb(home / "shapes-llp26" / f"sample{number:02d}.npz", number)
    below = {name: LEG[name] for name in ("Patella", "Tibia", "Fibula")} | FOOT
    feet = surfaces_of(below, (-1, -1, 1), "Left_") | surfaces_of(below, (1, -1, 1), "Right_")
    np.savez(home / "shapes-foot" / "vhf-legs.npz", **feet)  # type: ignore[arg-type]
    left = {f"{name}_L": ends for name, ends in (LEG | FOOT).items()}
    right = {f"{name}_R": ends for name, ends in (LEG | FOOT).items()}
    whole = surfaces_of(HIP_BONES | left, (1, 1, 1)) | surfaces_of(right, (-1, 1, 1))
    np.savez(home / "shapes-vsd" / "z013.npz", **whole)  # type: ignore[arg-type]
    poles = {
        f"{name} Femoral Head": {"rater": [pole, pole]}
        for name, pole in zip("ABCD", ([5, 0, 0], [-3, 0, 0], [1, 4, 0], [1, 0, 4]), strict=True)
    }
    marked = {"femur_side": "L", "femur": poles, "pelvis": {"ASIS": {"rater": [[0, 0, 0]]}}}
    (home / "shapes-vsd" / "z013_landmarks.json").write_text(json.dumps(marked))


def write_slices(home: Path, name: str, leg: SimulatedLeg, splits: Mapping[str, str]) -> None:
    """A slice folder: every case has the same six slices."""
    rows = ["case,patient,side,slice,split,status,labelled,score"]
    levels = [3, 5, 7, 9, 11, 13]
    for case, split in splits.items():
        for kind in ("images", "masks"):
            (home / name / case / kind).mkdir(parents=True)
        for number, level in enumerate(levels):
            larger = np.ones((ENLARGED, ENLARGED), dtype=np.uint8)
            grey = np.kron(BONE_WINDOW.to_grey(leg.volume.voxels[level]), larger)
            mask = np.kron(leg.bones.foreground().voxels[level], larger)
            Image.fromarray(grey).save(home / name / case / "images" / f"{number:02d}.png")
            Image.fromarray(mask).save(home / name / case / "masks" / f"{number:02d}.png")
            rows.append(f"{case},{case},X,{number},{split},checked,1,0.1")
    (home / name / "slices.csv").write_text("\n".join(rows) + "\n")


def write_volumes(home: Path, leg: SimulatedLeg) -> None:
    """Real scans and labels, as far as their folders and values go."""
    mask = leg.bones.foreground()
    (home / "fractures").mkdir()
    write_nifti(leg.fragments.volume, home / "fractures" / "001_left-hip_fragments.nii.gz", "")
    write_dicom_series(leg.volume, home / "legs-dicom" / "dicom")
    write_nifti(mask, home / "legs-dicom" / "label.nii.gz", "")
    (home / "pelvis-3mm").mkdir()
    write_nifti(leg.volume, home / "pelvis-3mm" / "ct.nii.gz", "")
    femur = mask.with_voxels(mask.voxels * np.uint8(75))
    write_nifti(femur, home / "pelvis-3mm" / "machine_labels.nii.gz", "")


BROKEN_KNEE = LegConfig(
    seed=1,
    grid=axial_grid((16, 32, 32), 4.0, 5.0, (100.0, 10.0, 0.0)),
    anatomy=Anatomy(poses=(Pose(8, 3, 4),), surface_step_mm=4.0),
    fractures=(Fracture("tibia left", -25.0, pieces=2, gap_mm=1.5, displacement_mm=6.0),),
)


@pytest.fixture(scope="session")
def leg() -> SimulatedLeg:
    """A knee with a broken tibia, 16 × 32 × 32 voxels of 4 × 4 × 5 mm."""
    return simulate(BROKEN_KNEE)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory, leg: SimulatedLeg) -> Path:
    """A folder as `AFUNET_DATA` is, each data set of it tiny."""
    folder = tmp_path_factory.mktemp("data")
    write_shapes(folder)
    write_slices(folder, "knee", leg, {"knee01": "train", "knee02": "val", "knee03": "val"})
    write_slices(folder, "thigh", leg, {"thigh": "train"})
    write_volumes(folder, leg)
    return folder


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, home: Path, leg: SimulatedLeg) -> Path:
    """`AFUNET_DATA` is tiny, and whatever a script that is imported simulates is `leg`."""
    monkeypatch.setenv("AFUNET_DATA", str(home))
    simulate_only(leg, monkeypatch)
    return home


def simulate_only(leg: SimulatedLeg, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put this leg in the place of every leg that benchmarks and experiments ask for."""
    answers = {
        "simulate": lambda config: leg,
        "exact_labels": lambda config: (leg.bones, leg.fragments),
    }
    for name, module in list(sys.modules.items()):
        if name.startswith(("benchmarks.", "experiments.")):
            for function in answers.keys() & vars(module).keys():
                monkeypatch.setattr(module, function, answers[function])
