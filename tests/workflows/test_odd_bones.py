"""Bones that few scans show: sensible pieces from the scan and from the mask, and a word on it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from afunet.formats.nifti import write_nifti
from afunet.geometry import Volume
from afunet.workflows.reconstruct import reconstruct
from afunet.workflows.segment import SegmentOptions, segment

pytestmark = pytest.mark.usefixtures("small_pictures")
AIR, FLESH, BONE, METAL = -1000, 50, 900, 3071
Array = NDArray[np.int16]
Floats = NDArray[np.float64]


def grid(mm: tuple[float, float, float], size_mm: tuple[float, float, float]) -> list[Floats]:
    """The millimetres (slice, row, column) of voxel centres from the middle of a field."""
    sides = [
        (np.arange(round(size / step)) + 0.5) * step - size / 2
        for size, step in zip(size_mm, mm, strict=True)
    ]
    return list(np.meshgrid(*sides, indexing="ij"))


def limb(z: Floats, y: Floats, x: Floats, *, half_mm: float = 20.0) -> Array:
    """A rod of bone, 24 mm wide and with round ends, in flesh in air, with noise."""
    rim = np.hypot(y, x)
    hu = np.where(rim < 30, FLESH, AIR)
    beyond = np.maximum(np.abs(z) - (half_mm - 12), 0)
    hu = np.where(np.hypot(rim, beyond) < 12, BONE, hu)
    return np.rint(hu + np.random.default_rng(0).normal(0, 12, hu.shape)).astype(np.int16)


def volume(hu: Array, mm: tuple[float, float, float]) -> Volume:
    return Volume(hu, np.diag([mm[2], mm[1], mm[0], 1.0]))


def broken(mm: tuple[float, float, float], pieces: int, gap_mm: float, seed: int = 1) -> Volume:
    """A rod whose points belong to the nearest of some seeds, with gaps between."""
    z, y, x = grid(mm, (60, 64, 64))
    hu = limb(z, y, x, half_mm=26)
    rng = np.random.default_rng(seed)
    bone = np.argwhere(hu > 500)
    spread = [bone[rng.integers(len(bone))]]
    while len(spread) < pieces:  # far from each other, so that no piece is a crumb
        tried = bone[rng.integers(len(bone), size=200)]
        apart = np.linalg.norm((tried[:, None] - np.array(spread)) * mm, axis=-1).min(axis=1)
        spread.append(tried[apart.argmax()])
    away = np.linalg.norm((bone[:, None] - np.array(spread)[None]) * mm, axis=-1)
    away.sort(axis=1)
    between = bone[away[:, 1] - away[:, 0] < gap_mm] if pieces > 1 else bone[:0]
    hu[tuple(between.T)] = FLESH
    return volume(hu, mm)


def forty_fragments() -> Volume:
    return broken((1.0, 1.0, 1.0), 40, 2.5)


def fine_slices() -> Volume:
    return broken((0.3, 1.0, 1.0), 2, 3.0)


def thick_slices() -> Volume:
    """A gap along the bone, as one across it is lost between slices."""
    mm = (5.0, 0.8, 0.8)
    z, y, x = grid(mm, (60, 64, 64))
    hu = limb(z, y, x, half_mm=26)
    hu[(np.abs(x - 0.1 * z) < 1.2) & (hu > 500)] = FLESH
    return volume(hu, mm)


def dust() -> Volume:
    found = broken((1.0, 1.0, 1.0), 1, 0.0)
    rng = np.random.default_rng(3)
    flesh = np.argwhere(np.abs(found.voxels - FLESH) < 60)
    for index in flesh[rng.integers(len(flesh), size=400)]:
        found.voxels[tuple(index)] = BONE
    return found


def metal_inside() -> Volume:
    found = broken((1.0, 1.0, 1.0), 1, 0.0)
    found.voxels[20:40, 30:34, 30:34] = METAL
    return found


def cut_field() -> Volume:
    found = broken((1.0, 1.0, 1.0), 1, 0.0)
    return Volume(found.voxels[:, :, 30:].copy(), found.affine)


def amputated() -> Volume:
    """The bone ends in the flesh, which ends further down; above both go on."""
    mm = (2.0, 1.0, 1.0)
    z, y, x = grid(mm, (60, 64, 64))
    hu = limb(z - 30, y, x, half_mm=50)
    skin = np.hypot(np.hypot(y, x), np.maximum(-z + 5, 0)) < 30
    hu[~skin] = AIR
    return volume(hu, mm)


@dataclass(frozen=True)
class Told:
    """The least and most pieces, and codes that are told: from the scan, and from the mask."""

    pieces: tuple[int, int]
    of_mask: tuple[int, int]
    codes: set[str]
    codes_of_mask: set[str]


ODD: dict[Callable[[], Volume], Told] = {
    forty_fragments: Told((36, 44), (36, 44), set(), set()),
    dust: Told((1, 3), (300, 401), {"SPECKS_REMOVED"}, {"MANY_PIECES"}),
    metal_inside: Told((1, 1), (1, 1), {"METAL"}, set()),
    cut_field: Told((1, 1), (1, 1), {"BONE_CUT"}, set()),
    amputated: Told((1, 1), (1, 1), {"BONE_ENDS_AT_SCAN"}, set()),
    fine_slices: Told((2, 2), (2, 2), set(), set()),
    thick_slices: Told((2, 2), (2, 2), set(), set()),
}


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_bone_has_sensible_pieces_and_a_word_on_it(
    odd: Callable[[], Volume], weights: Path, tmp_path: Path
) -> None:
    scan = odd()
    write_nifti(scan, tmp_path / "ct.nii.gz")
    write_nifti(scan.with_voxels((scan.voxels > 500).astype(np.uint8)), tmp_path / "mask.nii.gz")
    case = segment(tmp_path / "ct.nii.gz", tmp_path / "a", SegmentOptions(weights=weights))
    made = reconstruct(tmp_path / "mask.nii.gz", tmp_path / "b", scan=tmp_path / "ct.nii.gz")
    told = {one.code for one in (*case.report.findings, *case.report.flags)}
    noted = {one.code for one in made.findings}
    assert not case.report.not_written
    assert not made.not_written
    expected = ODD[odd]
    least, most = expected.pieces
    assert least <= case.report.bone.pieces <= most
    least, most = expected.of_mask
    assert least <= len(made.instances.pieces) + made.instances.not_measured <= most
    assert expected.codes <= told
    assert expected.codes_of_mask <= noted
    assert not list(tmp_path.rglob("faults.txt"))
    json.loads((tmp_path / "b" / "pieces.json").read_text(encoding="utf-8"))
