"""Two small legs with known answers, and a writer of them for every layout."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from afunet.formats.nifti import write_nifti
from afunet.geometry import Volume
from afunet.phantom import write_dicom_series
from afunet.preprocessing import BONE_WINDOW

SPACING_MM = 0.7


@dataclass(frozen=True, eq=False)
class Leg:
    """A disc of bone (700 HU) in noisy flesh in air, 3 × 40 × 36 voxels, and its 0/1 mask."""

    volume: Volume
    mask: Volume

    @property
    def grey(self) -> np.ndarray:
        """What a store should hold of it."""
        return BONE_WINDOW.to_grey(self.volume.voxels)


def make_leg(seed: int, column: int = 16) -> Leg:
    noise = np.random.default_rng(seed).integers(-20, 20, (3, 40, 36))
    _, rows, columns = np.mgrid[:3, :40, :36]
    bone = np.hypot(rows - 18, columns - column) <= 6
    flesh = np.hypot(rows - 20, columns - 18) <= 16
    hu = np.where(bone, 700, np.where(flesh, 50, -1000)) + np.where(flesh, noise, 0)
    affine = np.diag([SPACING_MM, SPACING_MM, 2.0, 1.0])
    affine[:3, 3] = (-10, -20, 5)
    return Leg(Volume(hu.astype(np.int16), affine), Volume(bone.astype(np.uint8), affine))


@pytest.fixture(scope="session")
def leg() -> Callable[..., Leg]:
    """`leg(seed, column)`: other seeds, other noise."""
    return make_leg


Write = Callable[[Path, Sequence[Leg]], None]


def write_pngs(folder: Path, planes: np.ndarray) -> None:
    folder.mkdir(parents=True)
    for level, plane in enumerate(planes):
        Image.fromarray(plane).save(folder / f"{level:02d}.png")


def write_csv(path: Path, rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def simulated(source: Path, legs: Sequence[Leg]) -> None:
    for number, leg in enumerate(legs, 1):
        write_nifti(leg.volume, source / f"leg{number}" / "ct.nii.gz")
        write_nifti(leg.mask, source / f"leg{number}" / "truth.nii.gz")
        write_nifti(leg.mask, source / f"leg{number}" / "bones.nii.gz")


def nnunet(source: Path, legs: Sequence[Leg]) -> None:
    for number, leg in enumerate(legs, 1):
        write_nifti(leg.volume, source / "imagesTr" / f"leg_{number:03d}_0000.nii.gz")
        write_nifti(leg.mask, source / "labelsTr" / f"leg_{number:03d}.nii.gz")
    described = {
        "channel_names": {"0": "CT"},
        "labels": {"background": 0, "femur": 1, "tibia": 2},
        "file_ending": ".nii.gz",
    }
    (source / "dataset.json").write_text(json.dumps(described))


def corrected(source: Path, legs: Sequence[Leg]) -> None:
    for number, leg in enumerate(legs, 1):
        folder = source / f"leg{number}"
        write_nifti(leg.volume, folder / "input" / "0.nii.gz")
        write_nifti(leg.mask, folder / "results" / "instances.nii.gz")
        pieces = [{"label": 1, "name": "left tibia", "bone": "tibia", "side": "left"}]
        (folder / "results" / "report.json").write_text(json.dumps({"pieces": pieces}))
        (folder / "results" / "edits.json").write_text(json.dumps({"edits": [{"step": 1}]}))


def totalsegmentator(source: Path, legs: Sequence[Leg]) -> None:
    for number, leg in enumerate(legs, 1):
        folder = source / f"s{number:04d}"
        write_nifti(leg.volume, folder / "ct.nii.gz")
        halves = leg.mask.voxels.copy(), leg.mask.voxels.copy()
        halves[0][:, :18], halves[1][:, 18:] = 0, 0
        masks = {"femur_left": halves[0], "tibia": halves[1], "liver": 1 - leg.mask.voxels}
        for name, voxels in masks.items():
            write_nifti(leg.mask.with_voxels(voxels), folder / "segmentations" / f"{name}.nii.gz")


def slices(source: Path, legs: Sequence[Leg]) -> None:
    rows: list[list[object]] = [["case", "patient", "slice", "split", "status", "spacing_mm"]]
    for number, leg in enumerate(legs, 1):
        write_pngs(source / f"leg{number}" / "images", leg.grey)
        write_pngs(source / f"leg{number}" / "masks", leg.mask.voxels)
        rows += [
            [f"leg{number}", f"p{number}", level, "train", "checked", SPACING_MM]
            for level in range(3)
        ]
    write_csv(source / "slices.csv", rows)


def perez_carrasco(source: Path, legs: Sequence[Leg]) -> None:
    for number, leg in enumerate(legs, 1):
        folder = source / f"patient{number}" / "volume1"
        write_dicom_series(leg.volume, folder / "ct", seed=number)
        write_nifti(leg.mask, folder / "bone.nii.gz")


def paper(source: Path, legs: Sequence[Leg]) -> None:
    for number, leg in enumerate(legs, 1):
        paths = write_dicom_series(leg.volume, source / f"leg{number}" / "images", seed=number)
        masks = source / f"leg{number}" / "masks"
        masks.mkdir()
        for path, mask in zip(paths, leg.mask.voxels, strict=True):
            Image.fromarray(mask).save(masks / f"{path.stem}.png")


def dicom_label(source: Path, legs: Sequence[Leg]) -> None:
    for number, leg in enumerate(legs, 1):
        write_dicom_series(leg.volume, source / f"leg{number}" / "dicom", seed=number)
        write_nifti(leg.mask, source / f"leg{number}" / "label.nii.gz")


def nifti_pairs(source: Path, legs: Sequence[Leg]) -> None:
    for number, leg in enumerate(legs, 1):
        write_nifti(leg.volume, source / f"leg{number}_ct.nii.gz")
        write_nifti(leg.mask, source / f"leg{number}_label.nii.gz")


WRITERS: dict[str, Write] = {
    "simulated": simulated,
    "corrected": corrected,
    "nnunet": nnunet,
    "totalsegmentator": totalsegmentator,
    "slices": slices,
    "perez-carrasco": perez_carrasco,
    "paper": paper,
    "dicom-label": dicom_label,
    "nifti-pairs": nifti_pairs,
}


@pytest.fixture(scope="session")
def write_layout() -> Callable[[str, Path, Sequence[Leg]], Path]:
    """`write_layout(name, folder, legs)`: the legs laid out so, and the folder."""

    def write(name: str, folder: Path, legs: Sequence[Leg]) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        WRITERS[name](folder, legs)
        return folder

    return write
