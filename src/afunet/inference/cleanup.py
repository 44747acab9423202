"""Clean up a predicted mask: remove and fill a little, and count all of it.

Small pieces are not noise: a fragment that matters to a surgeon may be a few millimetres wide. So
the clean-up removes only specks below a stated volume and parts that lie outside the body (table,
cradle, metal on the skin).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from afunet.errors import ConfigError
from afunet.geometry import Box, Volume, bounding_box
from afunet.geometry.labels import label_sizes
from afunet.inference.bareness import TISSUE_HU, bare_pieces
from afunet.preprocessing.orientation import Axial
from afunet.watch import UNWATCHED, Watch

STAGE = "cleaning up"
STEPS = 3
COARSE_MM = 3.0
SHELL_MM = 7.0  # tables and casts are thinner, fingers and toes thicker
LEAST_CORE_MM2 = 20.0  # in one slice; a limit of volume would drop small limbs from short stacks


@dataclass(frozen=True)
class CleanUpRules:
    """Limits of the clean-up: volumes in mm³, areas in mm².

    Components smaller than `speck_mm3` are specks and are removed. A component lies outside the
    body if a share of less than `least_inside` lies within the body's outline, or if it is small
    and surrounded by air; `least_inside` = 0 switches both rules off. Closed cavities of the 3D
    mask are filled whatever their size, holes within a slice up to `hole_mm2`.
    """

    speck_mm3: float = 15.0
    least_inside: float = 0.5
    hole_mm2: float = 40.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 <= value < float("inf"):
                raise ConfigError(f"{name} must be 0 or more, got {value}")


@dataclass(frozen=True)
class CleanUp:
    """What the clean-up did, as numbers of components and volumes in mm³."""

    specks_removed: int
    specks_mm3: float
    outside_removed: int
    outside_mm3: float
    filled_mm3: float
    pieces_kept: int
    smallest_kept_mm3: float


def clean_up(
    mask: Volume,
    axial: Axial,
    rules: CleanUpRules | None = None,
    *,
    watch: Watch = UNWATCHED,
) -> tuple[Volume, CleanUp]:
    """Return the cleaned 0/1 mask and what was done to it.

    `axial` is the scan in HU in axial order; the masks lie on its grid. Raises `Cancelled` between
    the steps.
    """
    scan, rules = axial.volume, rules or CleanUpRules()
    scan.require_same_grid(mask, "the mask")

    def step(done: int) -> None:
        watch.check()
        watch.tell(STAGE, done, STEPS)

    step(0)
    box = bounding_box(mask.voxels)
    if box is None:
        step(STEPS)
        empty = np.zeros(mask.shape, dtype=np.uint8)
        return mask.with_voxels(empty), CleanUp(0, 0.0, 0, 0.0, 0.0, 0, 0.0)
    voxel_mm3 = mask.voxel_volume_mm3
    pieces = cc3d.connected_components(mask.voxels[box] > 0, connectivity=26, binary_image=True)
    sizes = label_sizes(pieces)
    foreground = sizes > 0
    step(1)
    outside = foreground & _outside(pieces, sizes, scan, box, rules)
    specks = foreground & ~outside & (sizes * voxel_mm3 < rules.speck_mm3)
    kept = foreground & ~outside & ~specks
    voxels = np.zeros(mask.shape, dtype=np.uint8)
    voxels[box] = kept[pieces]
    step(2)
    filled = _fill(voxels, mask, rules)
    step(STEPS)
    return mask.with_voxels(voxels), CleanUp(
        specks_removed=int(specks.sum()),
        specks_mm3=float(sizes[specks].sum() * voxel_mm3),
        outside_removed=int(outside.sum()),
        outside_mm3=float(sizes[outside].sum() * voxel_mm3),
        filled_mm3=float(filled * voxel_mm3),
        pieces_kept=int(kept.sum()),
        smallest_kept_mm3=float(sizes[kept].min() * voxel_mm3) if kept.any() else 0.0,
    )


def body_mask(scan: Volume) -> tuple[NDArray[np.bool_], tuple[int, int, int]]:
    """Return the body on a coarse grid, and how many voxels of the scan one coarse voxel spans.

    The body is everything denser than `TISSUE_HU` that remains after an opening by `SHELL_MM`, with
    holes filled slice by slice. Thin shells around and under the limb do not belong to it.
    """
    column_mm, row_mm, slice_mm = scan.spacing_mm
    step = (
        max(1, round(COARSE_MM / slice_mm)),
        max(1, round(COARSE_MM / row_mm)),
        max(1, round(COARSE_MM / column_mm)),
    )
    coarse = scan.voxels[:: step[0], :: step[1], :: step[2]]
    spacing = np.array([slice_mm, row_mm, column_mm]) * step
    tissue = coarse > TISSUE_HU
    # Erode by the distance within the slice, so that a single slice and thick slices work too.
    core = np.stack([ndimage.distance_transform_edt(plane, spacing[1:]) for plane in tissue])
    # If pixels are coarser than COARSE_MM, a sheet of one or two voxels must still be a shell.
    shell_mm = max(SHELL_MM / 2, float(spacing[1:].max()))
    core = core > shell_mm
    pieces, count = ndimage.label(core)
    pixels = [np.bincount(plane.ravel(), minlength=count + 1) for plane in pieces]
    large = np.max(pixels, axis=0) * spacing[1] * spacing[2] >= LEAST_CORE_MM2
    large[0] = False
    core = large[pieces]
    grown_mm = max(COARSE_MM, float(spacing[1:].max()))
    body = np.stack([_regrown(plane, shell_mm + grown_mm, spacing[1:]) for plane in core])
    return body, step


def _regrown(core: NDArray[np.bool_], by_mm: float, spacing: Any) -> NDArray[np.bool_]:
    if not core.any():
        return core
    grown = ndimage.distance_transform_edt(~core, spacing) <= by_mm
    return np.asarray(ndimage.binary_fill_holes(grown))


def _outside(
    pieces: NDArray[Any], sizes: NDArray[np.int64], scan: Volume, box: Box, rules: CleanUpRules
) -> NDArray[np.bool_]:
    """Whether each label lies outside the body, (labels,); all False if no body is found."""
    inside = _share_inside(pieces, sizes, scan, box)
    if inside is None or rules.least_inside == 0:
        return np.zeros(len(sizes), dtype=np.bool_)
    return (inside < rules.least_inside) | bare_pieces(pieces, sizes, scan, box)


def _share_inside(
    pieces: NDArray[Any], sizes: NDArray[np.int64], scan: Volume, box: Box
) -> NDArray[np.float64] | None:
    """The share of each label's voxels that lies in the body; None if no body is found."""
    body, step = body_mask(scan)
    if not body.any():
        return None
    rows = np.arange(box[1].start, box[1].stop) // step[1]
    columns = np.arange(box[2].start, box[2].stop) // step[2]
    inside = np.zeros(len(sizes))
    limit = np.array(body.shape) - 1
    for plane, index in zip(pieces, range(box[0].start, box[0].stop), strict=True):
        outline = body[min(index // step[0], limit[0])]
        near = outline[np.ix_(np.minimum(rows, limit[1]), np.minimum(columns, limit[2]))]
        inside += label_sizes(plane[near], len(sizes))
    return np.asarray(inside / np.maximum(sizes, 1))


def _fill(voxels: NDArray[np.uint8], mask: Volume, rules: CleanUpRules) -> int:
    """Fill small holes within each slice, then closed cavities in 3D, including new ones.

    It changes the 0/1 `voxels` and returns the number of filled ones.
    """
    box = bounding_box(voxels)
    if box is None:
        return 0
    column_mm, row_mm, _ = mask.spacing_mm
    largest = int(rules.hole_mm2 / (column_mm * row_mm))
    bone = voxels[box]
    before = np.count_nonzero(bone)
    for plane in bone:
        plane[_small_holes(plane, largest)] = 1
    outer = np.pad(bone == 0, 1, constant_values=True)
    voids = cc3d.connected_components(outer, connectivity=6, binary_image=True)
    bone[(voids != voids[0, 0, 0])[1:-1, 1:-1, 1:-1]] = 1
    return int(np.count_nonzero(bone) - before)


def _small_holes(plane: NDArray[np.uint8], largest: int) -> NDArray[np.bool_]:
    """The holes of up to `largest` pixels in the bone of a slice, (row, column)."""
    outer = np.pad(plane == 0, 1, constant_values=True)
    voids = cc3d.connected_components(outer, connectivity=4, binary_image=True)
    small = label_sizes(voids) <= largest
    small[[0, voids[0, 0]]] = False
    return np.asarray(small[voids[1:-1, 1:-1]])
