"""Dice of several weights on scans beyond the knee, side by side: what a training set is worth.

    .venv/bin/python benchmarks/generalisation.py shipped mixed=runs/b/best.safetensors \
        --limbs "$AFUNET_DATA/shapes-llp26/sample1*.npz"

Columns: the lower legs of `legs-dicom`; `pelvis-3mm` against its machine labels (bones alone), the
slices with femur and all slices; the `thigh` slices (mean per slice; only fair to weights not
trained on them); the knees' validation split (checked slices, mean per case); and simulated limbs
of shapes the training never saw, by region (mean per leg). Legs are drawn from seeds 30000 on.
Under the table: every leg's Dice, and false bone in mm² on simulated slices without any. All masks
come from the whole path of `afunet segment`, clean-up included, but for the slice folders, which
have no millimetres to clean up in.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from afunet.evaluation.overlap import count, dice
from afunet.formats.readers import read_labels, read_scan
from afunet.formats.scan import Scan, Source
from afunet.geometry import Volume
from afunet.models.shipped import shipped_path
from afunet.phantom import Region, draw_leg, simulate
from afunet.workflows.analyse import AnalysisRules, analyse
from afunet.workflows.evaluate import evaluate_network
from afunet.workflows.network import Network, load_network
from afunet.workflows.phantom import limb_files

FEMUR, PELVIS_BONES = (75, 76), (75, 76, 77, 78, 25, *range(26, 51), *range(92, 116))
SEED = 30_000


def mask_of(network: Network, volume: Volume) -> Volume:
    """As `afunet segment` finds and cleans it."""
    scan, rules = Scan(volume, Source("volume", 1)), AnalysisRules(pieces=False, trust=False)
    return analyse(scan, network, rules).mask


def lower_legs(network: Network, data: Path) -> float:
    volume = read_scan(data / "legs-dicom" / "dicom").volume
    truth = read_labels(data / "legs-dicom" / "label.nii.gz")
    mask = mask_of(network, volume)
    truth.require_same_grid(mask, "the mask")
    return dice(count(mask.voxels != 0, truth.voxels != 0))


def pelvis(network: Network, data: Path) -> dict[str, float]:
    volume = read_scan(data / "pelvis-3mm" / "ct.nii.gz").volume
    labels = read_labels(data / "pelvis-3mm" / "machine_labels.nii.gz")
    top = int(np.flatnonzero(np.isin(labels.voxels, FEMUR).any(axis=(1, 2)))[-1]) + 1
    truth = np.isin(labels.voxels, PELVIS_BONES)
    found = mask_of(network, volume).voxels != 0
    return {
        "pelvis-3mm, femur": dice(count(found[:top], truth[:top])),
        "pelvis-3mm, all": dice(count(found, truth)),
    }


def slice_folders(weights: Path, data: Path) -> dict[str, float]:
    thigh = evaluate_network(data / "thigh", "train", weights=weights)
    knee = evaluate_network(data / "knee", "val", weights=weights, status="checked")
    return {
        "thigh": thigh.agreement.per_slice["dice"],
        "knee (val)": knee.agreement.per_case["dice"],
    }


@dataclass(eq=False)
class Legs:
    """Dice of one network's simulated legs by region, and its bone on slices without any."""

    dice: dict[str, list[float]] = field(default_factory=dict)
    false_bone_mm2: dict[str, float] = field(default_factory=dict)

    def add(self, region: str, found: Volume, truth: NDArray[np.uint8]) -> None:
        empty = ~truth.any(axis=(1, 2))
        false_mm2 = float(found.voxels[empty].sum() * np.prod(found.spacing_mm[:2]))
        self.dice.setdefault(region, []).append(dice(count(found.voxels, truth)))
        self.false_bone_mm2[region] = self.false_bone_mm2.get(region, 0.0) + false_mm2


def simulated(networks: dict[str, Network], limbs: str, legs: int) -> dict[str, Legs]:
    """Every leg is simulated once for all networks."""
    results = {name: Legs() for name in networks}
    for number, region in enumerate(Region):
        for leg_number in range(legs):
            seed = SEED + 100 * number + leg_number
            leg = simulate(draw_leg(seed, region, limb_files(limbs), slices=8))
            truth = leg.bones.foreground().voxels
            for name, network in networks.items():
                results[name].add(f"simulated {region}", mask_of(network, leg.volume), truth)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", nargs="+", help="name=FILE, or shipped")
    parser.add_argument("--limbs", required=True)
    parser.add_argument("--legs", type=int, default=4)
    options = parser.parse_args()
    data = Path(os.environ.get("AFUNET_DATA", "../shared/data"))
    named = (
        f"{entry}={shipped_path()}" if entry == "shipped" else entry for entry in options.weights
    )
    files = {name: Path(path) for name, path in (entry.split("=", 1) for entry in named)}
    networks = {name: load_network(path) for name, path in files.items()}
    legs = simulated(networks, options.limbs, options.legs)
    rows = {
        name: {
            "legs-dicom": lower_legs(network, data),
            **pelvis(network, data),
            **slice_folders(files[name], data),
            **{region: fmean(scores) for region, scores in legs[name].dice.items()},
        }
        for name, network in networks.items()
    }
    columns = list(next(iter(rows.values())))
    print("| weights | " + " | ".join(columns) + " |")
    print("| --- |" + " ---: |" * len(columns))
    for name, row in rows.items():
        print(f"| {name} | " + " | ".join(f"{row[column]:.4f}" for column in columns) + " |")
    for name, result in legs.items():
        for region, scores in result.dice.items():
            each = " ".join(f"{score:.3f}" for score in scores)
            print(f"{name}, {region}: {each}; false bone {result.false_bone_mm2[region]:.0f} mm²")


if __name__ == "__main__":
    main()
