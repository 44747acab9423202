"""How much of a fracture's gap a network paints as bone.

    .venv/bin/python -m benchmarks.gaps [--weights FILE] [--knees 30] [--seeds 2004 2027 …]

The knees are those of benchmarks/fragments.py. A gap voxel lies within 2 mm of two fragments of one
bone and belongs to none. Prints a row for each knee: the number of gap voxels, their median HU, the
share of them that the network's mask holds before its clean-up, the share with a probability of
0.97 or more, and Dice; then the same for all knees together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from statistics import fmean

import edt
import numpy as np
from numpy.typing import NDArray

from afunet.evaluation.overlap import count, dice
from afunet.geometry import bounding_box, box_within
from afunet.inference.device_choice import DeviceChoice
from afunet.models.shipped import DEFAULT, weights_path
from afunet.phantom import SIMULATOR, SimulatedLeg, simulate
from benchmarks.bench import Network, parser_of, print_heading, print_row
from benchmarks.fragments import FIRST_SEED, LEGS, exact_mask, fractured_leg

REACH_MM, SURE = 2.0, 0.97


@dataclass(frozen=True, eq=False)
class Painted:
    """The gap voxels (V,): HU, whether the mask holds them, and with at least 0.97."""

    hu: NDArray[np.int16]
    in_mask: NDArray[np.bool_]
    sure: NDArray[np.bool_]


def gap_voxels(leg: SimulatedLeg) -> NDArray[np.bool_]:
    """The voxels (slice, row, column) within 2 mm of two fragments of one bone, and in none."""
    labels, spacing_mm = leg.fragments.volume, leg.fragments.volume.array_spacing_mm
    gap = np.zeros(labels.shape, dtype=bool)
    for name in leg.bones.names.values():
        bone = leg.bones.mask(name).voxels
        if (box := bounding_box(bone)) is None:
            continue
        box = box_within(box, REACH_MM, spacing_mm)
        fragments = np.where(bone[box], labels.voxels[box], 0)
        near = np.zeros(fragments.shape, dtype=np.uint8)
        for fragment in np.unique(fragments[fragments > 0]):
            near += edt.edt(fragments != fragment, anisotropy=spacing_mm) <= REACH_MM
        gap[box] |= near >= 2
    gap &= labels.voxels == 0
    return gap


def judged(leg: SimulatedLeg, network: Network) -> tuple[Painted, float]:
    """A knee's gap voxels, and the Dice of the network's mask."""
    seen, gap, truth = network.predict(leg.volume), gap_voxels(leg), exact_mask(leg).voxels
    mask = seen.scan.restored(seen.bone).voxels
    sure = seen.scan.restored(seen.probability).voxels[gap] >= SURE * 255
    return Painted(leg.volume.voxels[gap], mask[gap] != 0, sure), dice(count(mask, truth))


def together(knees: Sequence[Painted]) -> Painted:
    return Painted(
        *(
            np.concatenate([getattr(knee, field.name) for knee in knees])
            for field in fields(Painted)
        )
    )


def cells(gap: Painted, overlap: float) -> list[str]:
    if not len(gap.hu):
        return ["0", "–", "–", "–", f"{overlap:.4f}"]
    shares = (f"{100 * values.mean():.1f} %" for values in (gap.in_mask, gap.sure))
    return [str(len(gap.hu)), f"{np.median(gap.hu):.0f}", *shares, f"{overlap:.4f}"]


def main(argv: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--weights", default=DEFAULT, help="a file, or the name of a shipped one")
    parser.add_argument("--knees", type=int, default=LEGS)
    parser.add_argument("--seeds", type=int, nargs="+", help="in place of --knees")
    options = parser.parse_args(argv)
    network = Network(weights_path(options.weights), DeviceChoice.CPU)
    print(f"{SIMULATOR}\n")
    print_heading("seed", "gap voxels:", "median HU:", "in the mask:", "of 0.97:", "Dice:")
    found: list[tuple[Painted, float]] = []
    for seed in options.seeds or range(FIRST_SEED, FIRST_SEED + options.knees):
        found.append(judged(simulate(fractured_leg(seed)), network))
        print_row(seed, *cells(*found[-1]))
    gaps, overlaps = zip(*found, strict=True)
    print_row("all", *cells(together(gaps), fmean(overlaps)))


if __name__ == "__main__":
    main()
