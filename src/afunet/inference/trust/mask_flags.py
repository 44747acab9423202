"""Flags from the mask and its probability: low confidence, faint outlines, disagreement.

A scan gets each flag once, with a picture of the worst slice and a message with the worst places.
"""

from __future__ import annotations

import numpy as np

from afunet.findings import Flag, Severity
from afunet.inference.trust.confidence import PieceConfidence, cleaned_probability
from afunet.inference.trust.evidence import Evidence
from afunet.inference.trust.limits import LIMITS
from afunet.inference.trust.places import (
    Box,
    Run,
    box_of,
    fullest_slice,
    largest_patch,
    listed,
    plural,
    runs_of,
    runs_text,
)
from afunet.inference.trust.signs import Signs
from afunet.inference.trust.tissue import REACH_MM

LIKELY_WRONG = 0.3


def low_density(signs: Signs) -> list[Flag]:
    """Flag outlines along which the bone is hardly denser than the tissue beside it."""
    faint = {line.index: line for line in signs.outlines if line.share > LIMITS.faint_share}
    reach_px = REACH_MM / float(np.sqrt(np.prod(signs.evidence.pixel_mm)))
    runs = runs_of({index: line.pixels * reach_px for index, line in faint.items()})
    if not runs:
        return []
    share = max(line.share for line in faint.values())
    message = (
        f"{runs_text(signs.evidence, runs)}: along up to {share:.0%} of the outline the bone is "
        "hardly denser than the tissue beside it: the outline there is a guess, and dense soft "
        "tissue may have been counted as bone"
    )
    return [_flag(signs, "LOW_DENSITY", message, runs, box_of(faint[runs[0].worst].place))]


def low_confidence_slices(signs: Signs) -> list[Flag]:
    """Flag slices whose expected overlap with the true bone is low."""
    evidence = signs.evidence
    least_px = LIMITS.least_bone_mm2 / float(np.prod(evidence.pixel_mm))
    low = {
        one.index: 1 - dice
        for one, dice in zip(signs.slices, signs.likely_dice, strict=True)
        if dice < LIMITS.slice_dice and one.pixels >= least_px
    }
    pixels = {one.index: one.pixels for one in signs.slices}
    runs = runs_of({index: wrong * pixels[index] for index, wrong in low.items()})
    if not runs:
        return []
    message = (
        f"{runs_text(evidence, runs)}: the mask is probably poor: the network is unsure here, or "
        "the scan itself casts doubt on the outline; check it by eye"
    )
    box = _doubtful_box(evidence, runs[0].worst)
    return [_flag(signs, "LOW_CONFIDENCE", message, runs, box)]


def low_confidence_pieces(signs: Signs) -> list[Flag]:
    """Flag pieces that may not be bone, or only in part; small ones are counted, not named."""
    evidence = signs.evidence
    low = sorted(
        (one for one in signs.pieces if one.surest < LIMITS.piece_probability),
        key=lambda one: -one.voxels,
    )
    if not low:
        return []
    large = [one for one in low if one.voxels * evidence.voxel_volume >= LIMITS.small_mm3]
    inside = evidence.labels == low[0].label
    worst = fullest_slice(inside)
    doubtful = sum(one.voxels for one in large or low[:1]) * evidence.voxel_volume
    message = (
        f"{_pieces_text(evidence, large, low[len(large) :])} may not be bone, or only in part: "
        f"even where the network is surest, its probability is {min(p.surest for p in low):.0%} "
        f"to {max(p.surest for p in low):.0%}"
        if len(low) > 1
        else f"{_pieces_text(evidence, large, low[len(large) :])} may not be bone, or only in "
        f"part: even where the network is surest, its probability is {low[0].surest:.0%}"
    )
    return [
        Flag(
            "LOW_CONFIDENCE",
            Severity.WARNING,
            message,
            index=worst,
            piece=low[0].label,
            box=largest_patch(inside[worst]),
            doubtful_mm3=doubtful,
        )
    ]


def _pieces_text(
    evidence: Evidence, large: list[PieceConfidence], small: list[PieceConfidence]
) -> str:
    """Name the largest pieces with their sizes, and count the others and the small ones."""
    named, rest = large[:3], [*large[3:], *small]
    said = [f"{evidence.name(one.label)} ({evidence.volume(one.voxels)})" for one in named]
    if rest:
        together = " together" if len(rest) > 1 else ""
        size = evidence.volume(sum(one.voxels for one in rest))
        what = "other piece" if named else "small piece"
        said.append(f"{len(rest)} {what}{plural(len(rest))} ({size}{together})")
    return listed(said)


def _doubtful_box(evidence: Evidence, index: int) -> Box | None:
    """The box of the patch that holds most of a slice's expected error."""
    p = cleaned_probability(evidence, index)
    wrong = np.where(evidence.mask[index] != 0, 1 - p, p)
    return largest_patch(wrong > LIKELY_WRONG, wrong)


def slices_disagree(signs: Signs) -> list[Flag]:
    """Flag slices that differ from both neighbours although these agree with each other."""
    evidence, lost = signs.evidence, signs.steps.lost
    changed = {}
    for k in map(int, np.flatnonzero(lost > LIMITS.lost)):
        below, here, above = (evidence.mask[k + step] != 0 for step in (-1, 0, 1))
        changed[k] = (below & above & ~here) | (here & ~(below | above))
    runs = runs_of({k: float(where.sum()) for k, where in changed.items()})
    if not runs:
        return []
    message = (
        f"{runs_text(evidence, runs)}: the bone here matches neither the slice below nor the slice "
        "above, although these two match each other: bone was missed or wrongly added"
    )
    box = largest_patch(changed[runs[0].worst])
    return [_flag(signs, "SLICES_DISAGREE", message, runs, box)]


def flips_disagree(signs: Signs) -> list[Flag]:
    """Flag slices that the network segments differently when they are mirrored."""
    evidence = signs.evidence
    low = {flip.index: 1 - flip.dice for flip in signs.flips if flip.dice < LIMITS.flip_dice}
    if not low:
        return []
    pixels = {one.index: one.pixels for one in signs.slices}
    runs = runs_of({k: wrong * pixels[k] for k, wrong in low.items()})
    message = (
        f"{runs_text(evidence, runs)}: the network segments the slice and its mirror image "
        f"differently, with an overlap (Dice) as low as {1 - max(low.values()):.2f} "
        f"({len(low)} of {len(signs.flips)} slices tried)"
    )
    return [_flag(signs, "FLIPS_DISAGREE", message, runs, _doubtful_box(evidence, runs[0].worst))]


def _flag(signs: Signs, code: str, message: str, runs: list[Run], box: Box | None) -> Flag:
    """A warning about runs of slices; it shows the first run, and its volume counts all."""
    doubtful = sum(run.doubt for run in runs) * signs.evidence.voxel_volume
    return Flag(
        code, Severity.WARNING, message, index=runs[0].worst, box=box, doubtful_mm3=doubtful
    )
