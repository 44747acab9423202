"""Whether the network predicts the same for a slice and for its mirror image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from afunet.geometry import Volume
from afunet.inference.predictor import Predictor
from afunet.inference.trust.evidence import Evidence
from afunet.inference.volume import SliceSource
from afunet.models.head import labels
from afunet.models.header import Header
from afunet.watch import UNWATCHED, Watch

MOST_FLIPS = 12
SHARE = 0.1  # of the slices with bone, to limit the extra time on long scans


@dataclass(frozen=True)
class Flip:
    """Dice between the network's mask of a slice and that of its mirror image, mirrored back."""

    index: int
    dice: float


def sample(evidence: Evidence, most: int = MOST_FLIPS) -> list[int]:
    """Indices of a tenth of the slices with bone, spread evenly: at least 4, at most `most`."""
    bone = evidence.with_bone
    wanted = min(most, max(4, round(SHARE * len(bone))), len(bone))
    places = (np.arange(wanted) + 0.5) / max(wanted, 1) * len(bone)
    return [int(bone[int(place)]) for place in places]


def flip_agreement(
    evidence: Evidence,
    predictor: Predictor,
    header: Header,
    *,
    watch: Watch = UNWATCHED,
) -> tuple[Flip, ...]:
    """Mirror sampled slices from left to right and predict them again."""
    affine = np.diag([*evidence.spacing_mm[::-1], 1.0])
    mirrored = Volume(evidence.hu[..., ::-1], affine)
    source = SliceSource.of(mirrored, header, spacing_known=evidence.spacing_known)
    found = []
    chosen = sample(evidence)
    for done, index in enumerate(chosen, 1):
        watch.check()
        predicted = predictor(source.stacks(index, index + 1))
        predictor = predicted.predictor
        probability = source.grid.to_native(predicted.probability)
        again = labels(probability, header.threshold)[0, :, ::-1] != 0
        first = evidence.predicted[index] != 0
        total = int(again.sum() + first.sum())
        found.append(Flip(index, 2 * int((again & first).sum()) / total if total else 1.0))
        watch.tell("mirrored slices", done, len(chosen))
    return tuple(found)
