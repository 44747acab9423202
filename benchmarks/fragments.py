"""Fracture fragments told apart, on simulated fractured legs whose every piece is known.

    .venv/bin/python -m benchmarks.fragments [--clinical] [--predicted [--weights FILE]]
        [--legs 30] [--first-seed 2000]

Thirty knees with one or two broken bones, drawn from seeds that nothing was tuned on: 2 to 5 large
pieces, up to 3 chips, moved by 0.5 to 7 mm, gaps of 0.5 to 1.8 mm, voxels of 0.6 to 0.9 mm and
slices of 0.8 to 2 mm. With `--clinical` the same bones of the same knees break in clinical patterns
whose pieces touch in places, are driven together or comminuted. A piece is what hangs together
(26-connected) of one fragment of the exact answer. Pieces of 50 mm³ and more are asked for; a piece
is found from an IoU of one half. The mask is the exact one, or with `--predicted` that of the
shipped or other weights, whose pieces are also named and parted by their names as in `afunet
segment`. Whoever sets something by it takes other seeds than the reported ones.

Prints a Markdown row a leg, the sums, and the legs that went worst.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import cc3d
import numpy as np

from afunet.evaluation.fragments import FragmentScore, match_fragments
from afunet.geometry import Volume
from afunet.inference.device_choice import DeviceChoice
from afunet.phantom import (
    SIMULATOR,
    Anatomy,
    Fracture,
    LegConfig,
    Pose,
    Region,
    SimulatedLeg,
    axial_grid,
    simulate,
)
from afunet.phantom.drawing.fractures import PLACES, draw_fracture
from afunet.reconstruction.instances import split_instances
from afunet.workflows.analyse import AnalysisRules, analyse
from benchmarks.bench import Network, parser_of, print_heading, print_row, scan_of

FIRST_SEED, LEGS = 2000, 30
SMALLEST_MM3 = 50.0
FIELD_MM, LENGTH_MM, KNEES_APART_MM = 140.0, 130.0, 200.0
# Heights of a break in the bone's own frame, mm.
BREAKS_MM = {
    "tibia": (-35.0, -15.0),
    "femur": (15.0, 45.0),
    "patella": (20.0, 25.0),
    "fibula": (-50.0, -25.0),
}
LARGE = ("tibia", "femur")


def fractured_leg(seed: int) -> LegConfig:
    """A knee with one or two broken bones."""
    rng = np.random.default_rng([seed, 11])
    pixel_mm, step_mm = rng.uniform(0.6, 0.9), float(rng.choice([0.8, 1.0, 1.5, 2.0]))
    pixels, slices = int(FIELD_MM / pixel_mm), int(LENGTH_MM / step_mm)
    side, outward = ("left", 1.0) if rng.random() < 0.5 else ("right", -1.0)
    broken = rng.permutation(list(BREAKS_MM))[: int(rng.integers(1, 3))]
    fractures = tuple(
        Fracture(
            f"{bone} {side}",
            rng.uniform(*BREAKS_MM[bone]),
            pieces=int(rng.integers(2, 6)) if bone in LARGE else 2,
            chips=int(rng.integers(0, 4)) if bone in LARGE else 0,
            displacement_mm=rng.uniform(0.5, 7),
            tilt_deg=rng.uniform(0, 8),
            gap_mm=rng.uniform(0.5, 1.8),
            roughness_mm=rng.uniform(0.5, 2.5),
            seed=10 * seed + number,
        )
        for number, bone in enumerate(broken)
    )
    centre = (outward * KNEES_APART_MM / 2, 10.0, rng.uniform(-15, 15))
    return LegConfig(
        seed=seed,
        grid=axial_grid((slices, pixels, pixels), pixel_mm, step_mm, centre),
        anatomy=Anatomy(
            sides=(side,),
            poses=(Pose(8, 3, 4),),
            knees_apart_mm=KNEES_APART_MM,
            surface_step_mm=1.0,
            scale=rng.uniform(0.9, 1.1),
            warp_mm=rng.uniform(0.3, 2),
        ),
        fractures=fractures,
    )


def clinical_leg(seed: int) -> LegConfig:
    """The knee of `fractured_leg` with the same bones broken in clinical patterns."""
    leg, rng = fractured_leg(seed), np.random.default_rng([seed, 12])
    fractures = []
    for old in leg.fractures:
        kind = old.bone.split()[0]
        patterns = [
            name for place in PLACES[Region.KNEE] if place.bone == kind for name in place.patterns
        ]
        pattern = patterns[int(rng.integers(len(patterns)))]
        fractures.append(draw_fracture(old.bone, pattern, old.centre_mm, rng))
    return replace(leg, fractures=tuple(fractures))


def true_pieces(leg: SimulatedLeg) -> Volume:
    labels = leg.fragments.volume
    return labels.with_voxels(
        cc3d.connected_components(labels.voxels.astype(np.int32), connectivity=26)
    )


def exact_mask(leg: SimulatedLeg) -> Volume:
    return leg.fragments.foreground()


def exact_pieces(leg: SimulatedLeg) -> Volume:
    """Labels of what the exact mask is split into."""
    return split_instances(exact_mask(leg))


def predicted_pieces(weights: Path | None) -> Callable[[SimulatedLeg], Volume]:
    """Labels of the pieces as `afunet segment` finds, cleans, tells apart, names and parts them."""
    network, rules = Network(weights, DeviceChoice.CPU).loaded, AnalysisRules(trust=False)
    return lambda leg: analyse(scan_of(leg.volume), network, rules).instances.labels


def main(argv: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--clinical", action="store_true")
    parser.add_argument("--predicted", action="store_true")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--legs", type=int, default=LEGS)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    options = parser.parse_args(argv)
    pieces_of = predicted_pieces(options.weights) if options.predicted else exact_pieces
    asked = ("pieces:", "found:", "mean IoU:", "merged:", "split:", "extra:")
    drawn = clinical_leg if options.clinical else fractured_leg
    print(f"{SIMULATOR}, {'clinical patterns' if options.clinical else 'halves'}\n")
    print_heading("seed:", "voxels, mm", *asked, "missed, mm³")
    scores: dict[int, FragmentScore] = {}
    for seed in range(options.first_seed, options.first_seed + options.legs):
        leg = simulate(drawn(seed))
        score = match_fragments(pieces_of(leg), true_pieces(leg), SMALLEST_MM3)
        scores[seed] = score
        missed = ", ".join(f"{one.mm3:.0f}" for one in score.matches if not one.is_found)
        voxel = " × ".join(f"{size:.2f}" for size in leg.volume.spacing_mm)
        matched = len(score.matches), len(score.matches) - score.missed, f"{score.mean_iou:.3f}"
        print_row(seed, voxel, *matched, score.merged, score.split, score.extra, missed)
    matches = [match for score in scores.values() for match in score.matches]
    found_iou = [match.iou for match in matches if match.is_found] or [float("nan")]
    print(
        f"\n{len(matches)} pieces, recall {fmean(match.is_found for match in matches):.4f}, "
        f"mean IoU of those found {fmean(found_iou):.4f}, of all "
        f"{fmean(match.iou for match in matches):.4f}, "
        f"extra {sum(score.extra for score in scores.values())}"
    )
    worst = sorted(scores, key=lambda seed: (scores[seed].recall, scores[seed].mean_iou))[:5]
    print(f"worst: {', '.join(map(str, worst))}")


if __name__ == "__main__":
    main()
