"""Enhancement plus clustering.

Unsharp masking raises thin cortex, which partial volume has weakened, above the soft tissue beside
it. k-means then clusters the body's pixels by value, starting from the means of fat, muscle,
trabecular bone and cortex. Clusters whose final mean is dense enough are bone: in a shaft without
trabecular bone, its cluster moves into the muscle and is rejected. Specks are removed and cavities
filled.

Source: enhancement after M. Krčah, G. Székely, R. Blanc, "Fully automatic and fast segmentation
of the femur bone from 3D-CT images with no shape prior", IEEE ISBI 2011, 2087–2090; clustering
by S. P. Lloyd, "Least squares quantization in PCM", IEEE Transactions on Information Theory 28
(1982) 129–137. The combination is ours; it is not the code of the AFU-Net authors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk  # noqa: N813 - its own manual's name
from numpy.typing import NDArray

from afunet.classical.body import HuSlice, find_body
from afunet.classical.marrow import whole_bones
from afunet.classical.morphology import Mask, without_small_pieces


@dataclass(frozen=True)
class ClusteringRules:
    """Initial means and the lowest mean of bone in HU; lengths as shares of the body's width.

    Unsharp masking adds `sharpness` times the difference from a Gaussian blur of σ = `blur`. Gaps
    in a bone's wall are closed if a disc of radius `gap` does not fit through them. A piece is
    removed if its area is below that of a square of side `speck`.
    """

    start_hu: tuple[float, ...] = (-100.0, 50.0, 250.0, 700.0)
    least_bone_hu: float = 150.0
    sharpness: float = 0.5
    blur: float = 0.01
    gap: float = 0.05
    speck: float = 0.02


def clustering(
    image: NDArray[np.float32], rules: ClusteringRules | None = None
) -> NDArray[np.uint8]:
    """Slice (H, W) in [0, 1] → mask (H, W) 0/1."""
    rules = rules or ClusteringRules()
    body = find_body(image)
    if body is None:
        return np.zeros(image.shape, dtype=np.uint8)
    enhanced = _unsharp(body.hu, rules.blur * body.width_px, rules.sharpness)
    dense = np.zeros_like(body.mask)
    dense[body.mask] = _in_bone_cluster(enhanced[body.mask], rules)
    bones = whole_bones(dense, body.px(rules.gap))
    return body.in_slice(without_small_pieces(bones, (rules.speck * body.width_px) ** 2))


def _unsharp(hu: HuSlice, blur_px: float, sharpness: float) -> HuSlice:
    """HU (H, W) plus `sharpness` times their difference from a Gaussian blur."""
    blurred = sitk.DiscreteGaussian(sitk.GetImageFromArray(hu), [blur_px**2, blur_px**2])
    return np.asarray(hu + np.float32(sharpness) * (hu - sitk.GetArrayFromImage(blurred)))


def _in_bone_cluster(hu: HuSlice, rules: ClusteringRules) -> Mask:
    """Whether k-means puts each of N values into a cluster whose mean is that of bone."""
    pixels = sitk.GetImageFromArray(hu.reshape(1, -1))
    clusters = sitk.GetArrayFromImage(sitk.ScalarImageKmeans(pixels, rules.start_hu)).reshape(-1)
    sizes = np.bincount(clusters)
    is_bone = np.bincount(clusters, weights=hu) > rules.least_bone_hu * sizes
    return np.asarray(is_bone[clusters])
