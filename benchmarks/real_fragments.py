"""Fragments of real broken bones, from exact masks: what the pieces are worth where bone touches.

    .venv/bin/python -m benchmarks.real_fragments

Hip bones and sacra of three patients with experts' labels of their fragments (`fractures` below
`AFUNET_DATA`; FracSegNet, PENGWIN). The mask is all of a bone, the question which of its fragments
are pieces of their own: PENGWIN's matching, an IoU of one half and more. The largest fragment is
the main one, all others are secondary. An intact bone should be one piece. Prints a Markdown table.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

import numpy as np

from afunet.evaluation.fragments import FragmentScore, match_fragments
from afunet.formats.readers import read_labels
from afunet.geometry import Volume
from afunet.reconstruction.instances import split_instances
from benchmarks.bench import data_set, parser_of, print_heading, print_row

SMALLEST_MM3 = 50.0


def judged(truth: Volume) -> FragmentScore:
    """The pieces of a bone's mask against its fragments."""
    found = split_instances(truth.with_voxels((truth.voxels > 0).astype(np.uint8)))
    return match_fragments(found, truth, SMALLEST_MM3)


def main(argv: Sequence[str] | None = None) -> None:
    parser_of(__doc__).parse_args(argv)
    scores: list[FragmentScore] = []
    print_heading("bone", "fragments:", "found:", "mean IoU:", "merged:", "split:", "extra:")
    for path in sorted(data_set("fractures").glob("*_fragments.nii.gz")):
        score = judged(read_labels(path))
        scores.append(score)
        asked = len(score.matches)
        bone, found = path.name.removesuffix("_fragments.nii.gz"), asked - score.missed
        iou = f"{score.mean_iou:.3f}"
        print_row(bone, asked, found, iou, score.merged, score.split, score.extra)
    matches = [match for score in scores for match in score.matches]
    secondary = [match for score in scores for match in score.matches[1:]]
    intact = [score for score in scores if len(score.matches) == 1]
    print(
        f"\n{sum(match.is_found for match in matches)} of {len(matches)} fragments found, "
        f"{sum(match.is_found for match in secondary)} of {len(secondary)} secondary ones; "
        f"mean IoU of all {fmean(match.iou for match in matches):.3f}; "
        f"{sum(score.merged for score in scores)} merged, "
        f"{sum(score.extra for score in scores)} extra; "
        f"{sum(score.extra > 0 for score in intact)} of {len(intact)} intact bones in pieces"
    )


if __name__ == "__main__":
    main()
