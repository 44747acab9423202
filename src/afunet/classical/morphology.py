"""Morphology of one binary slice: SimpleITK's filters on (H, W) boolean arrays."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk  # noqa: N813 - its own manual's name
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def opened(mask: Mask, radius_px: int) -> Mask:
    """The part of the mask that a disc of this radius can cover from inside."""
    return _array(sitk.BinaryMorphologicalOpening(_image(mask), _radii(radius_px), sitk.sitkBall))


def closed(mask: Mask, radius_px: int) -> Mask:
    """The mask and the background that a disc of this radius cannot cover from outside."""
    return _array(sitk.BinaryMorphologicalClosing(_image(mask), _radii(radius_px), sitk.sitkBall))


def dilated(mask: Mask, radius_px: int) -> Mask:
    """All pixels within this radius of the mask."""
    return _array(sitk.BinaryDilate(_image(mask), _radii(radius_px), sitk.sitkBall))


def holes_filled(mask: Mask) -> Mask:
    """The mask and all background that is not connected to the slice's border (4-connected)."""
    return _array(sitk.BinaryFillhole(_image(mask)))


def grown(seeds: Mask, within: Mask) -> Mask:
    """The 8-connected components of `within` that contain a seed: complete region growing."""
    return _array(sitk.BinaryReconstructionByDilation(_image(seeds & within), _image(within)))


def components(mask: Mask) -> NDArray[np.int64]:
    """8-connected components numbered from 1, the largest first; 0 is background."""
    labels = sitk.RelabelComponent(sitk.ConnectedComponent(_image(mask), True))
    return np.asarray(sitk.GetArrayFromImage(labels), dtype=np.int64)


def without_small_pieces(mask: Mask, least_px: float) -> Mask:
    """The 8-connected components of at least `least_px` pixels."""
    labels = components(mask)
    large = np.bincount(labels.ravel()) >= least_px
    large[0] = False
    return large[labels]


def _radii(radius_px: int) -> list[int]:
    return [radius_px, radius_px]


def _image(mask: Mask) -> sitk.Image:
    return sitk.GetImageFromArray(mask.astype(np.uint8))


def _array(image: sitk.Image) -> Mask:
    return np.asarray(sitk.GetArrayFromImage(image) > 0)
