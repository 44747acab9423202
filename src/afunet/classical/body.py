"""The body in a slice: flesh and bone without table, cast and scanner padding.

Everything that is not air is tissue at first. A disc that fits a limb but not a shell takes the
table and the cast away; of what is left the largest piece, and others not much smaller (a second
leg), are the body.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from afunet.classical.morphology import Mask, components, dilated, grown, holes_filled, opened

FloatSlice = NDArray[np.float32]


@dataclass(frozen=True)
class BodyRules:
    """HU, and lengths as shares of the body's width, since a slice alone has no millimetres.

    Tissue is denser than `air_hu`. Constant areas within `padding_hu` of 0 HU that touch the
    border are padding. Shells thinner than two `shell` widths go; a piece stays if it has at
    least `least_piece` of the largest one's area.
    """

    air_hu: float = -200.0
    padding_hu: float = 20.0
    shell: float = 0.03
    least_piece: float = 0.1


@dataclass(frozen=True, eq=False)
class Body:
    """The body's mask (H, W) and its width: the root of its largest piece's area, in pixels."""

    mask: Mask
    width_px: float

    def px(self, share: float) -> int:
        """A share of the width in whole pixels, at least 1."""
        return max(1, round(share * self.width_px))


def find_body(hu: FloatSlice, rules: BodyRules | None = None) -> Body:
    """The body in one axial slice (H, W) of HU; an empty mask and width 0 where all is air."""
    rules = rules or BodyRules()
    tissue = (hu > rules.air_hu) & ~_padding(hu, rules)
    if not tissue.any():
        return Body(tissue, 0.0)
    rough = Body(tissue, _width_px(tissue))
    solid = opened(tissue, rough.px(rules.shell))
    if not solid.any():  # nothing but thin things: a toe, a strip of a slice
        return Body(holes_filled(tissue), rough.width_px)
    pieces = components(solid)
    areas = np.bincount(pieces.ravel())
    areas[0] = 0
    kept = (areas >= rules.least_piece * areas[1]) & (areas > 0)
    return Body(holes_filled(kept[pieces]), _width_px(solid))


def _padding(hu: FloatSlice, rules: BodyRules) -> Mask:
    """Border areas that a scanner filled with one value; measured tissue is never so flat."""
    image = sitk.GetImageFromArray(hu)
    spread = sitk.GetArrayFromImage(
        sitk.GrayscaleDilate(image, [1, 1]) - sitk.GrayscaleErode(image, [1, 1])
    )
    flat = (spread < 1) & (np.abs(hu) < rules.padding_hu)
    border = np.ones_like(flat)
    border[1:-1, 1:-1] = False
    return dilated(grown(border & flat, flat), 1) & (np.abs(hu) < rules.padding_hu)


def _width_px(mask: Mask) -> float:
    return float(np.sqrt(np.count_nonzero(components(mask) == 1)))
