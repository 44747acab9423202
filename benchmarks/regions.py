"""Dice of a network on simulated limbs it was not trained on, region by region.

    .venv/bin/python benchmarks/regions.py --limbs "$AFUNET_DATA/shapes-llp26/sample1*.npz"

Legs are drawn from seeds 30000 on, with the limb shapes named: the shipped weights were trained on
sample0* only. Prints the mean, the worst and every leg's Dice, false bone in mm² on slices without
any, and the seconds of it all.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from afunet.evaluation.overlap import count, dice
from afunet.inference.cleanup import clean_up
from afunet.inference.device import DeviceChoice, best_engine, pick_device
from afunet.inference.predictor import Predictor
from afunet.inference.volume import predict_volume
from afunet.models.checkpoint import load_checkpoint
from afunet.phantom import Region, draw_leg, simulate
from afunet.workflows.phantom import limb_files
from afunet.workflows.segment import shipped_weights

SEED = 30_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--limbs", required=True)
    parser.add_argument("--weights", type=Path, default=shipped_weights())
    parser.add_argument("--legs", type=int, default=4)
    parser.add_argument("--slices", type=int, default=8)
    options = parser.parse_args()
    checkpoint = load_checkpoint(options.weights)
    header = checkpoint.header
    engine, _ = best_engine(checkpoint.network(), pick_device(DeviceChoice.AUTO), header.patch_px)
    start = time.perf_counter()
    for number, region in enumerate(Region):
        scores = []
        false_mm2 = 0.0
        for leg_number in range(options.legs):
            seed = SEED + 100 * number + leg_number
            limbs = limb_files(options.limbs)
            leg = simulate(draw_leg(seed, region, limbs, slices=options.slices))
            predictor = Predictor(engine, header.patch_px)
            predicted = predict_volume(leg.volume, predictor, header).mask
            mask, _ = clean_up(predicted, leg.volume)
            truth = leg.bones.foreground().voxels
            scores.append(dice(count(mask.voxels, truth)))
            empty = ~truth.any(axis=(1, 2))
            pixel_mm2 = float(np.prod(leg.volume.spacing_mm[:2]))
            false_mm2 += float(mask.voxels[empty].sum()) * pixel_mm2
        print(
            f"{region:<6} Dice mean {np.mean(scores):.4f}, worst {min(scores):.4f} of "
            f"{' '.join(f'{score:.3f}' for score in scores)}; false bone {false_mm2:.0f} mm²",
            flush=True,
        )
    print(f"{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
