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
from afunet.inference.cleanup import clean_up
from afunet.inference.device import DeviceChoice, best_engine, pick_device
from afunet.inference.predictor import Predictor
from afunet.inference.volume import predict_volume
from afunet.models.checkpoint import load_checkpoint
from afunet.phantom import SIMULATOR, Region, draw_leg, simulate
from afunet.workflows.phantom import limb_files

SEED, SLICES = 70_000, 6
LEGS = {Region.HIP: 6, Region.TRUNK: 6}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("settings", nargs="+", help="FINEST_MM,WINDOW_PX")
    parser.add_argument("--limbs", required=True)
    options = parser.parse_args()
    checkpoint = load_checkpoint(options.weights)
    header = checkpoint.header
    device = pick_device(DeviceChoice.AUTO)
    engine, _ = best_engine(checkpoint.network(), device, header.patch_px)
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
                allowed = replace(header, spacing_mm=(float(finest_mm), header.spacing_mm[1]))
                predictor = Predictor(engine, int(window_px))
                mask = predict_volume(leg.volume, predictor, allowed).mask
                mask, _ = clean_up(mask, leg.volume)
                found[region].append(dice(count(mask.voxels, truth)))
    print(SIMULATOR)
    for setting, found in scores.items():
        means = ", ".join(f"{region} {fmean(values):.4f}" for region, values in found.items())
        every = [value for values in found.values() for value in values]
        print(f"{setting}: {means}; all {len(every)} legs {fmean(every):.4f}", flush=True)


if __name__ == "__main__":
    main()
