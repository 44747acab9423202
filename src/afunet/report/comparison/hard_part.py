"""Scores of the hard parts of a knee: the joint line, small pieces, false bone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from afunet.evaluation.overlap import METRICS
from afunet.evaluation.slice_score import SliceScore


@dataclass(frozen=True)
class HardPart:
    """Mean Dice per slice at the joint line and elsewhere; small pieces; false bone.

    `stray_px` is the mean number per slice of predicted pixels in pieces that touch no true bone,
    `false_bone_px` the same for slices without bone, None if there are none. All are means over
    the seeds.
    """

    joint_line_dice: float | None
    elsewhere_dice: float | None
    small_pieces: int
    small_found: float
    stray_px: float
    false_bone_px: float | None

    @classmethod
    def of(
        cls, seeds: Sequence[Sequence[SliceScore]], lines: Mapping[str, frozenset[int]]
    ) -> HardPart:
        """Summarise the scores of each seed on the same slices.

        `lines` has the levels at the joint line by case.
        """
        scores = [one for seed in seeds for one in seed]
        bony, empty = ([one for one in scores if one.has_bone is has] for has in (True, False))

        def mean_dice(at_joint_line: bool) -> float | None:
            chosen = [one for one in bony if (one.level in lines[one.case]) == at_joint_line]
            return fmean(METRICS["dice"](one.counts) for one in chosen) if chosen else None

        return cls(
            joint_line_dice=mean_dice(True),
            elsewhere_dice=mean_dice(False),
            small_pieces=sum(one.small_pieces for one in seeds[0]),
            small_found=sum(one.small_found for one in bony) / len(seeds),
            stray_px=fmean(one.stray_px for one in scores),
            false_bone_px=fmean(one.stray_px for one in empty) if empty else None,
        )
