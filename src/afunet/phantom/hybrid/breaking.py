"""Breaking a bone as planned, and scanning what came of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from afunet.errors import GeometryError
from afunet.fragments.broken_bone import BrokenBone
from afunet.geometry import Volume
from afunet.phantom.hybrid.composing import Composed, composed
from afunet.phantom.hybrid.home import home_of
from afunet.phantom.hybrid.moving import motions_of
from afunet.phantom.hybrid.plan import Break, Rescan
from afunet.phantom.hybrid.scan_grid import ScanGrid
from afunet.phantom.shapes.arrays import BoolArray, Float32Array, IntArray

_TILE = 64


def broken(bone: BrokenBone, plan: Break) -> BrokenBone:
    """Break a bone of one fragment; the same bone and plan give the same result.

    The largest fragment stays where it is. The result lies on the plan's grid, whose axes are
    those of the bone's; its HU are 0 outside the bone. Raises `GeometryError` unless the bone has
    exactly one fragment.
    """
    _require_whole(bone)
    home = home_of(bone, plan)
    rigids = motions_of(home.touches, plan.motions)
    moved = np.concatenate(
        [rigid.moved(points) for rigid, points in zip(rigids, home.points, strict=True)]
    )
    spacing = np.array(plan.rescan.spacing_mm)
    grid = ScanGrid.around(moved, home.whole.spacing_mm, spacing, plan.painted_mm / 2)
    found = composed(home, rigids, plan, grid)
    labels = _labels(found, grid, len(rigids))
    hu = np.where(labels > 0, _picture(found, grid, plan, labels > 0), 0).astype(np.float32)
    affine = grid.affine(bone.hu)
    return BrokenBone(Volume(hu, affine), Volume(labels, affine))


def _require_whole(bone: BrokenBone) -> None:
    bone.hu.require_same_grid(bone.fragments, "the label map of the fragments")
    numbers = np.unique(bone.fragments.voxels)
    if numbers.tolist() not in ([0, 1], [1]):
        raise GeometryError(
            f"a bone to break has the labels {numbers.tolist()}, expected [0, 1]: break one "
            "fragment at a time",
            code="BAD_LABELS",
        )


def _labels(found: Composed, grid: ScanGrid, count: int) -> NDArray[np.uint8]:
    """The fragment of most of each voxel, 0 where less than half is bone; the largest is 1."""
    dense = np.zeros(grid.near.shape, dtype=np.uint8)
    dense[grid.near] = found.label
    if int(grid.parts.prod()) > 1:
        shares = [grid.blocks((dense == number).astype(np.float32)) for number in range(count + 1)]
        most = np.argmax(shares[1:], axis=0) + 1
        bone = shares[0] <= int(grid.parts.prod()) / 2
        dense = np.where(bone, most, 0).astype(np.uint8)
    sizes = np.bincount(dense.ravel(), minlength=count + 1)
    sizes[0] = 0
    order = np.argsort(-sizes, kind="stable")
    numbers = np.zeros(count + 1, dtype=np.uint8)
    numbers[order[: np.count_nonzero(sizes)]] = np.arange(1, np.count_nonzero(sizes) + 1)
    return np.asarray(numbers[dense])


def _picture(found: Composed, grid: ScanGrid, plan: Break, bone: BoolArray) -> Float32Array:
    """HU of the scan: blurred without what is outside the bone, averaged over slices, noisy."""
    weight = np.zeros(grid.near.shape, dtype=np.float32)
    weight[grid.near] = found.known
    total = np.zeros_like(weight)
    total[grid.near] = np.where(found.known, found.hu, 0)
    sigma = plan.rescan.blur_mm / grid.step_mm
    if plan.rescan.blur_mm > 0:
        weight, total = (
            ndimage.gaussian_filter(part, sigma, truncate=2.5) for part in (weight, total)
        )
    weight, total = grid.blocks(weight), grid.blocks(total)
    hu = total / np.maximum(weight, np.float32(1e-6))
    hu[bone] += _noise(plan.rescan, plan.seed, np.argwhere(bone))
    return np.asarray(hu, dtype=np.float32)


def _noise(rescan: Rescan, seed: int, voxels: IntArray) -> Float32Array:
    """Correlated noise (N,) at voxels (N, 3)."""
    white = np.random.default_rng([seed, 59]).standard_normal((_TILE,) * 3).astype(np.float32)
    sigma = rescan.grain_mm / np.array(rescan.spacing_mm)
    tile = ndimage.gaussian_filter(white, sigma, mode="wrap")
    tile *= np.float32(rescan.noise_hu / max(float(tile.std()), 1e-6))
    return np.asarray(tile[tuple((voxels % _TILE).T)])
