"""Intact bones that the whole chain leaves in pieces: simulated legs without a fracture.

    .venv/bin/python -m benchmarks.intact_bones [--bones 100] [--first-seed 330000]
        [--limbs 'limbs/*.npz'] [--weights FILE]

Ankle, shank, knee, thigh and hip in turn, drawn as widely as the legs of the training but with all
slices of a field of view, until so many bones of 500 mm³ and more were in view. The mask is that of
the shipped or other weights; its pieces are named and parted as in `afunet segment`. A bone is what
hangs together (26-connected) of one bone of the exact answer. A piece of 50 mm³ and more belongs to
the bone in which half of it lies, and a bone with two or more is split: by the mask if its pieces
are apart, else by thickness or by the network for contacts.

Prints a Markdown row a leg, the split bones, and the sums.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cc3d
import numpy as np
from numpy.typing import NDArray

from afunet.anatomy.naming import name_pieces
from afunet.fragments.named_bones import part_named_bones
from afunet.geometry import Volume
from afunet.inference.device_choice import DeviceChoice
from afunet.phantom import SIMULATOR, Region, SimulatedLeg, draw_leg, simulate
from afunet.reconstruction.instances import split_instances
from afunet.workflows.phantom import limb_files
from benchmarks.bench import UNSEEN_LIMBS, Network, llp26, parser_of, print_heading, print_row

FIRST_SEED, BONES = 330_000, 100
REGIONS = tuple(region for region in Region if region is not Region.TRUNK)
PIXELS, SLICES = 320, 80
LEAST_MM3, PIECE_MM3 = 500.0, 50.0
CAUSES = ("mask", "thickness", "network")
"""What first divides a bone, in the order of the chain."""

Labels = NDArray[np.unsignedinteger]


@dataclass(frozen=True)
class SplitBone:
    """An intact bone in pieces: its name, what divided it, and the pieces' volumes in mm³."""

    bone: str
    cause: str
    mm3: tuple[int, ...]


def true_bones(leg: SimulatedLeg) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """What hangs together of each bone in view, and its name."""
    voxel_mm3 = leg.volume.voxel_volume_mm3
    for label, name in leg.bones.names.items():
        parts = cc3d.connected_components(leg.bones.volume.voxels == label, connectivity=26)
        for part in range(1, int(parts.max()) + 1):
            if np.count_nonzero(parts == part) * voxel_mm3 >= LEAST_MM3:
                yield name, parts == part


def stages(mask: Volume, scan: Volume) -> dict[str, Volume]:
    """The pieces of a mask as each of `CAUSES` leaves them."""
    alone = cc3d.connected_components(mask.voxels, connectivity=6)
    by_thickness = name_pieces(split_instances(mask))
    by_contacts = part_named_bones(by_thickness, scan)
    found = mask.with_voxels(alone), by_thickness.labels, by_contacts.named.labels
    return dict(zip(CAUSES, found, strict=True))


def split_bones(leg: SimulatedLeg, found: dict[str, Volume]) -> tuple[int, list[SplitBone]]:
    """How many bones were asked for, and those that are in pieces in the end."""
    names, parts = zip(*true_bones(leg), strict=True) if leg.bones.names else ((), ())
    bones = np.zeros(leg.volume.shape, dtype=np.uint8)
    for number, part in enumerate(parts, start=1):
        bones[part] = number
    pieces = {cause: _pieces(labels, bones) for cause, labels in found.items()}
    split = []
    for number, name in enumerate(names, start=1):
        counts = {cause: sizes.get(number, []) for cause, sizes in pieces.items()}
        if len(counts[CAUSES[-1]]) > 1:
            cause = next(one for one in CAUSES if len(counts[one]) > 1)
            mm3 = sorted(counts[CAUSES[-1]], reverse=True)
            split.append(SplitBone(name, cause, tuple(round(one) for one in mm3)))
    return len(names), split


def _pieces(labels: Volume, bones: NDArray[np.uint8]) -> dict[int, list[float]]:
    """The volumes of the pieces that belong to each bone."""
    count, most = int(labels.voxels.max()) + 1, int(bones.max()) + 1
    keys = labels.voxels.astype(np.int64) * most + bones
    overlap = np.bincount(keys.ravel(), minlength=count * most).reshape(count, most)
    found: dict[int, list[float]] = {}
    for label in range(1, count):
        size, inside = overlap[label].sum(), overlap[label, 1:].max(initial=0)
        mm3 = float(size * labels.voxel_volume_mm3)
        if mm3 >= PIECE_MM3 and 2 * inside >= size:
            found.setdefault(int(overlap[label, 1:].argmax()) + 1, []).append(mm3)
    return found


def main(argv: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--bones", type=int, default=BONES)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--limbs", default="", help="pattern of LLP26 limbs; else those unseen")
    parser.add_argument("--weights", type=Path)
    options = parser.parse_args(argv)
    limbs = limb_files(options.limbs) if options.limbs else llp26(UNSEEN_LIMBS)
    network = Network(options.weights, DeviceChoice.CPU)
    print(f"{SIMULATOR}\n")
    print_heading("seed:", "region", "voxels, mm", "bones:", "split:", "of them")
    total, causes, seed = 0, Counter[str](), options.first_seed
    while total < options.bones:
        region = REGIONS[seed % len(REGIONS)]
        leg = simulate(draw_leg(seed, region, limbs, PIXELS, SLICES, broken=0.0))
        found = stages(network.mask(leg.volume), leg.volume)
        count, split = split_bones(leg, found)
        voxel = " × ".join(f"{size:.2f}" for size in leg.volume.spacing_mm)
        told = "; ".join(f"{one.bone} by {one.cause}: {one.mm3} mm³" for one in split)
        print_row(seed, region, voxel, count, len(split), told)
        total, seed = total + count, seed + 1
        causes.update(one.cause for one in split)
    by_cause = ", ".join(f"{causes[cause]} by {cause}" for cause in CAUSES)
    print(f"\n{causes.total()} of {total} intact bones in pieces: {by_cause}")


if __name__ == "__main__":
    main()
