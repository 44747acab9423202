"""How much a network gains by seeing more of a limb: larger windows, or coarser pixels.

    .venv/bin/python benchmarks/context.py WEIGHTS 0.35,192 0.35,320 0.7,192 \
        --limbs "$AFUNET_DATA/shapes-llp26/sample0*.npz"

Each setting is the finest pixel in mm that is not resampled, and the window in px. Prints mean Dice
by region over simulated legs drawn from seeds 70000 on: three of each region, six of hips and
trunks, six slices a leg, through the whole path of `afunet segment`, clean-up included.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from statistics import fmean

from afunet.evaluation.overlap import count, dice
from afunet.formats.scan import Scan, Source
from afunet.phantom import Region, draw_leg, simulate
from afunet.workflows.analyse import AnalysisRules, analyse
from afunet.workflows.network import load_network
from afunet.workflows.phantom import limb_files

SEED, SLICES = 70_000, 6
LEGS = {Region.HIP: 6, Region.TRUNK: 6}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("settings", nargs="+", help="FINEST_MM,WINDOW_PX")
    parser.add_argument("--limbs", required=True)
    options = parser.parse_args()
    network, rules = load_network(options.weights), AnalysisRules(pieces=False, trust=False)
    scores: dict[str, dict[Region, list[float]]] = {
        setting: defaultdict(list) for setting in options.settings
    }
    for number, region in enumerate(Region):
        for leg_number in range(LEGS.get(region, 3)):
            seed = SEED + 100 * number + leg_number
            leg = simulate(draw_leg(seed, region, limb_files(options.limbs), slices=SLICES))
            truth = leg.bones.foreground().voxels
            for setting, found in scores.items():
                finest_mm, window_px = setting.split(",")
                sizes = (float(finest_mm), network.header.spacing_mm[1])
                header = replace(network.header, spacing_mm=sizes, patch_px=int(window_px))
                scan = Scan(leg.volume, Source("simulated", 1))
                mask = analyse(scan, replace(network, header=header), rules).mask
                found[region].append(dice(count(mask.voxels, truth)))
    for setting, found in scores.items():
        means = ", ".join(f"{region} {fmean(values):.4f}" for region, values in found.items())
        every = [value for values in found.values() for value in values]
        print(f"{setting}: {means}; all {len(every)} legs {fmean(every):.4f}", flush=True)


if __name__ == "__main__":
    main()
