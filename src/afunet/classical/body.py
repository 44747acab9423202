"""The body in a slice: soft tissue and bone without table, cast and scanner padding.

At first, everything that is not air counts as tissue. An opening with a disc that fits into a limb
but not into a shell removes the table and the cast. The largest remaining piece, and others not
much smaller (a second leg), are the body.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk  # noqa: N813 - its own manual's name
from numpy.typing import NDArray

from afunet.classical.morphology import Mask, components, dilated, grown, holes_filled, opened
from afunet.preprocessing import BONE_WINDOW

HuSlice = NDArray[np.float32]
MARGIN_PX = 2


@dataclass(frozen=True)
class BodyRules:
    """HU, and lengths as shares of the body's width, since a slice alone has no millimetres.

    Tissue is denser than `air_hu`. Constant areas within `padding_hu` of 0 HU that touch the
    border are padding. Shells thinner than twice `shell` are removed. A piece is kept if its area
    is at least `least_piece` of the largest one's.
    """

    air_hu: float = -200.0
    padding_hu: float = 20.0
    shell: float = 0.03
    least_piece: float = 0.1


@dataclass(frozen=True, eq=False)
class Body:
    """The part of a slice that contains the body: HU and mask (h, w), and its box in the slice.

    `width_px` is the square root of the largest piece's area; `shape` is that of the whole slice.
    """

    hu: HuSlice
    mask: Mask
    width_px: float
    box: tuple[slice, slice]
    shape: tuple[int, int]

    def px(self, share: float) -> int:
        """A share of the width in whole pixels, at least 1."""
        return max(1, round(share * self.width_px))

    def in_slice(self, bone: Mask) -> NDArray[np.uint8]:
        """Put a mask (h, w) back into the whole slice as 0/1, without pixels outside the body."""
        whole = np.zeros(self.shape, dtype=np.uint8)
        whole[self.box] = bone & self.mask
        return whole


def find_body(image: NDArray[np.float32], rules: BodyRules | None = None) -> Body | None:
    """Find the body in an axial slice (H, W) of the bone window in [0, 1]; None if all is air."""
    rules = rules or BodyRules()
    hu = BONE_WINDOW.low_hu + (BONE_WINDOW.high_hu - BONE_WINDOW.low_hu) * image
    hu = hu.astype(np.float32)
    tissue = (hu > rules.air_hu) & ~_padding(hu, rules)
    if not tissue.any():
        return None
    largest_px = np.count_nonzero(components(tissue) == 1)
    mask = _solid(tissue, max(1, round(rules.shell * np.sqrt(largest_px))), rules.least_piece)
    width_px = float(np.sqrt(np.count_nonzero(components(mask) == 1)))
    box = _box(mask)
    return Body(hu[box], mask[box], width_px, box, (image.shape[0], image.shape[1]))


def _solid(tissue: Mask, shell_px: int, least_piece: float) -> Mask:
    """The large pieces without shells; all tissue if there are only shells."""
    pieces = components(opened(tissue, shell_px))
    if not pieces.any():
        return holes_filled(tissue)
    areas = np.bincount(pieces.ravel())
    kept = areas >= least_piece * areas[1]
    kept[0] = False
    return holes_filled(kept[pieces])


def _padding(hu: HuSlice, rules: BodyRules) -> Mask:
    """Border areas that a scanner filled with one value; measured tissue is never constant."""
    image = sitk.GetImageFromArray(hu)
    highest, lowest = sitk.GrayscaleDilate(image, [1, 1]), sitk.GrayscaleErode(image, [1, 1])
    watery = np.abs(hu) < rules.padding_hu
    flat = watery & (sitk.GetArrayFromImage(highest - lowest) < 1)
    border = np.ones_like(flat)
    border[1:-1, 1:-1] = False
    return watery & dilated(grown(flat & border, flat), 1)


def _box(mask: Mask) -> tuple[slice, slice]:
    """The mask's bounding box with a margin."""
    spans = []
    for axis in (1, 0):
        used = np.flatnonzero(mask.any(axis=axis))
        spans.append(slice(max(0, int(used[0]) - MARGIN_PX), int(used[-1]) + 1 + MARGIN_PX))
    return spans[0], spans[1]
