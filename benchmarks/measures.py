"""Surface metrics beside MONAI and surface-distance, on random masks.

    .venv/bin/python -m benchmarks.measures [--pairs 40]

Pairs of random smooth masks of 40 × 96 × 96 voxels, the truth beside the prediction it is shifted
and partly changed from, at three voxel sizes (mm along slice, row, column). Prints for every metric
its mean over the pairs, and the mean and the largest absolute difference of each library from it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np
import surface_distance as google
import torch
from monai.metrics.hausdorff_distance import compute_hausdorff_distance
from monai.metrics.surface_dice import compute_surface_dice
from monai.metrics.surface_distance import compute_average_surface_distance
from numpy.typing import NDArray
from scipy import ndimage

from afunet.evaluation.surface import SURFACE_METRICS, surface_distances
from benchmarks.bench import parser_of, print_heading, print_row

SHAPE = (40, 96, 96)
SPACINGS_MM = ((1.0, 1.0, 1.0), (2.0, 0.7, 0.7), (3.0, 0.5, 0.8))
Mask = NDArray[np.bool_]
Spacing = tuple[float, float, float]


def random_pair(seed: int, spacing_mm: Spacing) -> tuple[Mask, Mask]:
    """Blobs some 10 mm wide; the prediction is a millimetre or so off."""
    rng = np.random.default_rng(seed)
    wide = [6.0 / step for step in spacing_mm]
    base, change = (ndimage.gaussian_filter(rng.standard_normal(SHAPE), wide) for _ in range(2))
    true = base > np.quantile(base, 0.8)
    moved = ndimage.shift(base + 0.25 * change, rng.uniform(-1, 1, 3) / spacing_mm, order=1)
    return np.asarray(moved > np.quantile(moved, 0.8)), np.asarray(true)


def ours(found: Mask, true: Mask, spacing_mm: Spacing) -> dict[str, float]:
    apart = surface_distances(found, true, spacing_mm)
    return {name: metric(apart) for name, metric in SURFACE_METRICS.items()}


def monai_values(found: Mask, true: Mask, spacing_mm: Spacing) -> dict[str, float]:
    a, b = (torch.from_numpy(mask.astype(np.float32))[None, None] for mask in (found, true))
    spacing = list(spacing_mm)
    values = {
        "hd95_mm": compute_hausdorff_distance(
            a, b, include_background=True, percentile=95, spacing=spacing
        ),
        "assd_mm": compute_average_surface_distance(
            a, b, include_background=True, symmetric=True, spacing=spacing
        ),
    }
    for tolerance in (1, 2):
        values[f"nsd_{tolerance}mm"] = compute_surface_dice(
            a, b, [float(tolerance)], include_background=True, spacing=spacing
        )
    return {name: float(value) for name, value in values.items()}


def surface_distance_values(found: Mask, true: Mask, spacing_mm: Spacing) -> dict[str, float]:
    apart = google.compute_surface_distances(true, found, spacing_mm)
    to_found, to_true = apart["distances_gt_to_pred"], apart["distances_pred_to_gt"]
    areas = apart["surfel_areas_gt"], apart["surfel_areas_pred"]
    weighted = (to_found * areas[0]).sum() + (to_true * areas[1]).sum()
    return {
        "nsd_1mm": google.compute_surface_dice_at_tolerance(apart, 1.0),
        "nsd_2mm": google.compute_surface_dice_at_tolerance(apart, 2.0),
        "hd95_mm": google.compute_robust_hausdorff(apart, 95),
        "assd_mm": weighted / (areas[0].sum() + areas[1].sum()),
    }


LIBRARIES: dict[str, Callable[[Mask, Mask, Spacing], dict[str, float]]] = {
    "MONAI": monai_values,
    "surface-distance": surface_distance_values,
}


def main(argv: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--pairs", type=int, default=40)
    options = parser.parse_args(argv)
    warnings.simplefilter("ignore")  # the libraries' own
    heads = [f"{library}: {what}:" for library in LIBRARIES for what in ("mean", "largest")]
    print_heading("voxels, mm", "metric", "mean:", *heads)
    for spacing_mm in SPACINGS_MM:
        pairs = [random_pair(seed, spacing_mm) for seed in range(options.pairs)]
        mine = [ours(*pair, spacing_mm) for pair in pairs]
        theirs = {
            library: [values(*pair, spacing_mm) for pair in pairs]
            for library, values in LIBRARIES.items()
        }
        for name, metric in SURFACE_METRICS.items():
            own = np.array([values[name] for values in mine])
            cells = [f"{own.mean():.4f}"]
            for library in LIBRARIES:
                apart = np.abs(np.array([values[name] for values in theirs[library]]) - own)
                cells += [f"{apart.mean():.4f}", f"{apart.max():.4f}"]
            size = " × ".join(f"{step:g}" for step in spacing_mm)
            print_row(size, metric.title, *cells)


if __name__ == "__main__":
    main()
