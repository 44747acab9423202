"""How much a network gains by seeing more of a limb: larger windows, or coarser pixels.

    .venv/bin/python -m benchmarks.context WEIGHTS 0.35,192 0.35,320 0.7,192 \
        --limbs "$AFUNET_DATA/shapes-llp26/sample0*.npz"

Each setting is the finest pixel in mm that is not resampled, and the window in px. Prints mean Dice
by region over simulated legs drawn from seeds 70000 on: three of each region, six of hips and
trunks, six slices a leg, through the whole path of `afunet segment`, clean-up included.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean

from afunet.evaluation.overlap import count, dice
from afunet.phantom import SIMULATOR, Region
from afunet.workflows.analyse import analyse
from benchmarks.bench import MASK_ALONE, Network, legs_by_region, parser_of, scan_of

SEED, SLICES = 70_000, 6
LEGS = {Region.HIP: 6, Region.TRUNK: 6}


def main(argv: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("settings", nargs="+", help="FINEST_MM,WINDOW_PX")
    parser.add_argument("--limbs", required=True)
    options = parser.parse_args(argv)
    network = Network(options.weights)
    scores: dict[str, dict[Region, list[float]]] = {
        setting: defaultdict(list) for setting in options.settings
    }
    legs = legs_by_region(SEED, lambda region: LEGS.get(region, 3), options.limbs, SLICES)
    for region, leg in legs:
        scan, truth = scan_of(leg.volume), leg.bones.foreground().voxels
        for setting, found in scores.items():
            finest_mm, window_px = setting.split(",")
            sizes = (float(finest_mm), network.header.spacing_mm[1])
            header = replace(network.header, spacing_mm=sizes, patch_px=int(window_px))
            mask = analyse(scan, replace(network.loaded, header=header), MASK_ALONE).mask
            found[region].append(dice(count(mask.voxels, truth)))
    print(SIMULATOR)
    for setting, found in scores.items():
        means = ", ".join(f"{region} {fmean(values):.4f}" for region, values in found.items())
        every = [value for values in found.values() for value in values]
        print(f"{setting}: {means}; all {len(every)} legs {fmean(every):.4f}", flush=True)


if __name__ == "__main__":
    main()
