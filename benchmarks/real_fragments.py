"""Fragments of real broken bones, from exact masks: what the pieces are worth where bone touches.

    .venv/bin/python -m benchmarks.real_fragments [--method thickness|contacts|reconstruct]
        [--weights FILE.onnx | --leave-out 001=FILE.onnx 003=FILE.onnx …] [--rules FILE.json]

Hip bones and sacra of three patients with experts' labels of their fragments (`fractures` below
`AFUNET_DATA`; FracSegNet, PENGWIN). The mask is all of a bone, the question which of its fragments
are pieces of their own: PENGWIN's matching, an IoU of one half and more. The largest fragment is
the main one, all others are secondary. An intact bone should be one piece. `thickness` parts the
mask alone, at gaps and thin necks; `contacts` parts it with the network for contacts and the CT,
with the shipped weights (which have seen these bones), or for each patient with weights that have
not seen him; `reconstruct` is all that `afunet reconstruct MASK --scan CT` does, names included.
`--leave-out` also judges his bones alone, and `--rules`, of `experiments.fit_cuts`, holds those
that were fitted without him. Prints a Markdown table.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from statistics import fmean

import numpy as np

from afunet.anatomy.naming import name_pieces
from afunet.evaluation.fragments import FragmentScore, match_fragments
from afunet.formats.readers import read_labels, read_scan
from afunet.fragments.contact_map import shipped_contacts
from afunet.fragments.cut_rules import CutRules
from afunet.fragments.named_bones import part_named_bones
from afunet.fragments.part_bone import part_bone
from afunet.geometry import Volume
from afunet.models.contact_network import CONTACTS, ContactNetwork
from afunet.plain import from_plain
from afunet.reconstruction.instances import split_instances
from benchmarks.bench import data_set, parser_of, print_heading, print_row

SMALLEST_MM3 = 50.0
LARGE_MM3 = 1000.0
EVERY = ""
"""The key of weights and rules for all patients."""


@dataclass(frozen=True)
class Given:
    """Weights and rules of patients, or of `EVERY`; what is shipped for all others."""

    weights: Mapping[str, Path] = field(default_factory=dict)
    rules: Mapping[str, CutRules] = field(default_factory=dict)

    def network(self, fragments: Path) -> ContactNetwork:
        """The network for a patient's bone."""
        file = self.weights.get(patient_of(fragments), self.weights.get(EVERY))
        return _loaded(file) if file else shipped_contacts()

    def rule(self, fragments: Path) -> CutRules:
        """The rules for a patient's bone."""
        return self.rules.get(patient_of(fragments), self.rules.get(EVERY, CutRules()))


Method = Callable[[Volume, Path, Given], Volume]


def by_thickness(mask: Volume, fragments: Path, given: Given) -> Volume:
    """Pieces of the mask alone."""
    return split_instances(mask)


def by_contacts(mask: Volume, fragments: Path, given: Given) -> Volume:
    """Pieces by the network for contacts, which is told that the mask is one bone."""
    return part_bone(mask, _scan(fragments), given.network(fragments), given.rule(fragments)).labels


def as_reconstructed(mask: Volume, fragments: Path, given: Given) -> Volume:
    """Pieces as `afunet reconstruct MASK --scan CT` finds them: by thickness, names, contacts."""
    scan = _scan(fragments)
    named = name_pieces(split_instances(mask, scan=scan))
    return part_named_bones(
        named, scan, given.network(fragments), given.rule(fragments)
    ).named.labels


METHODS: dict[str, Method] = {
    "thickness": by_thickness,
    "contacts": by_contacts,
    "reconstruct": as_reconstructed,
}
_loaded = cache(CONTACTS.load)


def _scan(fragments: Path) -> Volume:
    return read_scan(fragments.with_name(fragments.name.replace("_fragments", "_ct"))).volume


def patient_of(path: Path) -> str:
    """The patient's number in a file's name."""
    return path.name.partition("_")[0]


def judged(truth: Volume, path: Path, method: Method, given: Given) -> FragmentScore:
    """The pieces of a bone's mask against its fragments."""
    mask = truth.with_voxels((truth.voxels > 0).astype(np.uint8))
    return match_fragments(method(mask, path, given), truth, SMALLEST_MM3, distances=True)


def main(argv: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--method", choices=METHODS, default="thickness")
    parser.add_argument("--weights", type=Path, help="weights for all patients")
    parser.add_argument("--leave-out", nargs="*", default=[], metavar="PATIENT=FILE")
    parser.add_argument("--rules", type=Path, help="of experiments.fit_cuts")
    options = parser.parse_args(argv)
    weights = {patient: Path(file) for patient, _, file in map(_parted, options.leave_out)}
    asked = set(weights)
    if options.weights:
        weights[EVERY] = options.weights
    rules = json.loads(options.rules.read_text()) if options.rules else {}
    given = Given(weights, {name: from_plain(CutRules, one, name) for name, one in rules.items()})
    scores: list[FragmentScore] = []
    print_heading(
        *("bone", "fragments:", "found:", "IoU of each", "merged:", "split:", "extra:"),
        *("HD95, mm", "ASSD, mm"),
    )
    for path in sorted(data_set("fractures").glob("*_fragments.nii.gz")):
        if asked and patient_of(path) not in asked:
            continue
        score = judged(read_labels(path), path, METHODS[options.method], given)
        scores.append(score)
        _print_bone(path.name.removesuffix("_fragments.nii.gz"), score)
    _print_sums(scores)


def _parted(text: str) -> tuple[str, str, str]:
    return text.partition("=")


def _print_bone(bone: str, score: FragmentScore) -> None:
    matches, asked = score.matches, len(score.matches)
    each = (
        ", ".join(f"{value:.{digits}f}" for value in values)
        for values, digits in (
            ([match.iou for match in matches], 3),
            ([match.hd95_mm or 0.0 for match in matches], 1),
            ([match.assd_mm or 0.0 for match in matches], 2),
        )
    )
    iou, hd95, assd = each
    counts = (score.merged, score.split, score.extra)
    print_row(bone, asked, asked - score.missed, iou, *counts, hd95, assd)


def _print_sums(scores: Sequence[FragmentScore]) -> None:
    matches = [match for score in scores for match in score.matches]
    secondary = [match for score in scores for match in score.matches[1:]]
    large = [match for match in secondary if match.mm3 >= LARGE_MM3]
    intact = [score for score in scores if len(score.matches) == 1]
    print(
        f"\n{sum(match.is_found for match in matches)} of {len(matches)} fragments found, "
        f"{sum(match.is_found for match in secondary)} of {len(secondary)} secondary ones "
        f"({sum(match.is_found for match in large)} of {len(large)} over 1 cm³); "
        f"mean IoU of all {fmean(match.iou for match in matches):.3f}; "
        f"{sum(score.merged for score in scores)} merged, "
        f"{sum(score.split for score in scores)} split, "
        f"{sum(score.extra for score in scores)} extra; "
        f"{sum(score.extra > 0 for score in intact)} of {len(intact)} intact bones in pieces"
    )


if __name__ == "__main__":
    main()
