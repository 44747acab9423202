"""Dice of the shipped weights on `pelvis-3mm`, whose machine labels also name organs.

    .venv/bin/python benchmarks/pelvis.py MASK "$AFUNET_DATA/pelvis-3mm/machine_labels.nii.gz"

MASK is what `afunet segment` made of `pelvis-3mm/ct.nii.gz`. Of TotalSegmentator's labels only the
bones count as truth. Prints Dice over all slices, and over those up to the highest with femur.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from afunet.evaluation.overlap import count, dice
from afunet.formats.readers import read_labels

FEMUR = (75, 76)
BONES = (*FEMUR, 77, 78, 25, *range(26, 51), *range(92, 116))


def main() -> None:
    mask, labels = (read_labels(Path(name)) for name in sys.argv[1:3])
    labels.require_same_grid(mask, "the mask")
    bone = np.isin(labels.voxels, BONES)
    found = mask.voxels != 0
    highest = int(np.flatnonzero(np.isin(labels.voxels, FEMUR).any(axis=(1, 2)))[-1]) + 1
    print(f"all {len(bone)} slices: Dice {dice(count(found, bone)):.4f}")
    print(f"{highest} slices with femur: Dice {dice(count(found[:highest], bone[:highest])):.4f}")


if __name__ == "__main__":
    main()
