"""Single bones of simulated legs with their exact fragments, to train on where fragments touch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import ndimage

from afunet.fragments.broken_bone import BrokenBone
from afunet.geometry import Volume, box_within, label_boxes
from afunet.geometry.labels import LabelMap
from afunet.phantom.config import Grid, LegConfig, axial_grid
from afunet.phantom.drawing.fractures import PLACES
from afunet.phantom.drawing.legs import draw_leg
from afunet.phantom.drawing.regions import limb_x, limb_y
from afunet.phantom.picture.simulate import SimulatedLeg
from afunet.phantom.shapes.arrays import IntArray
from afunet.phantom.shapes.streams import Stream

MARGIN_MM = 3.0
SMALLEST_MM3 = 1000.0
"""Less of a bone in view is left out."""
NEAR_MM = 4.0
"""A mask beyond this from any bone is none."""
_PIXELS_MM, _STEPS_MM = (0.4, 1.2), (0.5, 2.5)
_FIELD_MM, _PELVIS_MM, _LENGTH_MM, _PELVIS_X_MM = 120.0, 190.0, 100.0, 55.0


def broken_bones(leg: SimulatedLeg) -> dict[str, BrokenBone]:
    """Each bone of a leg by its name, cut out with a margin; intact bones have one fragment."""
    bones, pieces = leg.bones.volume.voxels, leg.fragments.volume.voxels
    grid, found = leg.volume, {}
    for label, box in label_boxes(bones).items():
        mine = bones == label
        if mine.sum() * grid.voxel_volume_mm3 < SMALLEST_MM3:
            continue
        around = box_within(box, MARGIN_MM, grid.array_spacing_mm)
        fragments = _by_size(np.where(mine, pieces, 0)[around])
        hu = grid.voxels[around].astype(np.float32)
        affine = grid.affine.copy()
        affine[:3, 3] = grid.to_mm([side.start for side in reversed(around)])
        found[leg.bones.names[label]] = BrokenBone(Volume(hu, affine), Volume(fragments, affine))
    return found


def under_mask(leg: SimulatedLeg, mask: Volume) -> SimulatedLeg:
    """The leg with the labels that a mask on its grid has: those of the nearest bone within 4 mm.

    A network's mask paints gaps; there the fragments meet halfway. Raises `GeometryError` for
    another grid.
    """
    leg.volume.require_same_grid(mask, "the mask")
    bones = leg.bones.volume
    away, nearest = ndimage.distance_transform_edt(
        bones.voxels == 0, sampling=bones.array_spacing_mm, return_indices=True
    )
    shown = (mask.voxels != 0) & (away <= NEAR_MM)

    def painted(labels: LabelMap) -> LabelMap:
        found = np.where(shown, labels.volume.voxels[tuple(nearest)], 0)
        return replace(labels, volume=labels.volume.with_voxels(found))

    return replace(leg, bones=painted(leg.bones), fragments=painted(leg.fragments))


def draw_broken_place(seed: int, limb_files: Sequence[Path] = ()) -> LegConfig:
    """A random leg scanned finely around its fracture, or an intact place if none is in view.

    Objects far from bone are left out. Voxels are 0.4–1.2 mm in plane and 0.5–2.5 mm between
    slices. With LLP26 files all bones occur, otherwise those of the knee.
    """
    rng = Stream.BROKEN_BONES.of(seed)
    region = list(PLACES)[int(rng.integers(len(PLACES)))]
    leg = draw_leg(seed, region, limb_files, broken=1.0)
    pixel, step = rng.uniform(*_PIXELS_MM), rng.uniform(*_STEPS_MM)
    if leg.fractures:
        leg = replace(leg, grid=_around(leg, pixel, step))
    plain = replace(leg.soft, joint_tissue=(), angiogram=None, septa=0.0)
    scanner = replace(leg.scanner, thickness_mm=float(step))
    return replace(leg, scanner=scanner, soft=plain, organs=None, clutter=None)


def _around(leg: LegConfig, pixel_mm: float, step_mm: float) -> Grid:
    fracture, anatomy = leg.fractures[0], leg.anatomy
    height = fracture.centre_mm
    pelvis = fracture.bone == "pelvis"
    right = fracture.bone.endswith("right") if not pelvis else anatomy.sides[0] == "right"
    x = abs(limb_x(anatomy, height)) if not pelvis else _PELVIS_X_MM
    count = round((_PELVIS_MM if pelvis else _FIELD_MM) / pixel_mm)
    centre = (-x if right else x, limb_y(anatomy, height), height)
    return axial_grid((round(_LENGTH_MM / step_mm), count, count), pixel_mm, step_mm, centre)


def _by_size(pieces: IntArray) -> IntArray:
    """Numbers from 1, the largest first, as uint8."""
    labels, inverse, counts = np.unique(pieces, return_inverse=True, return_counts=True)
    counts = np.where(labels == 0, np.iinfo(np.int64).max, counts)
    rank = np.empty(len(labels), dtype=np.uint8)
    start = 0 if (labels == 0).any() else 1
    rank[np.argsort(-counts, kind="stable")] = np.arange(start, start + len(labels))
    return rank[inverse].reshape(pieces.shape)
