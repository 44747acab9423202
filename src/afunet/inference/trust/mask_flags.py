"""Flags that the mask and its probability raise: low confidence, disagreement, clean-up."""

from __future__ import annotations

import cc3d
import numpy as np
from numpy.typing import NDArray

from afunet.formats.findings import Flag, Severity
from afunet.geometry import bounding_box
from afunet.geometry.sizes import volume_text
from afunet.inference.trust.confidence import cleaned_probability
from afunet.inference.trust.evidence import Evidence
from afunet.inference.trust.limits import LIMITS
from afunet.inference.trust.places import (
    Box,
    box_of,
    fullest_slice,
    largest_patch,
    slices_text,
    worst_runs,
)
from afunet.inference.trust.signs import Signs

LIKELY_WRONG = 0.3


def low_density(signs: Signs) -> list[Flag]:
    """Outlines where bone is hardly denser than what lies beside it."""
    faint = {line.index: line for line in signs.outlines if line.share > LIMITS.faint_share}
    flags = []
    for run in worst_runs({index: line.share for index, line in faint.items()}):
        message = (
            f"{slices_text(signs.evidence, run.first, run.last)}: along up to {run.value:.0%} of "
            "the outline the bone is hardly denser than what lies beside it: the outline is a "
            "guess there, and dense soft tissue may have been taken for bone"
        )
        box = box_of(faint[run.worst].place)
        flags.append(Flag("LOW_DENSITY", Severity.WARNING, message, index=run.worst, box=box))
    return flags


def low_confidence_slices(signs: Signs) -> list[Flag]:
    """Slices whose mask is expected to overlap little with the true bone."""
    evidence = signs.evidence
    least_px = LIMITS.least_bone_mm2 / float(np.prod(evidence.pixel_mm))
    low = {
        one.index: 1 - one.dice
        for one in signs.slices
        if one.dice < LIMITS.slice_dice and one.pixels >= least_px
    }
    flags = []
    for run in worst_runs(low):
        message = (
            f"{slices_text(evidence, run.first, run.last)}: the network is unsure, its outline is "
            f"expected to overlap with the true bone by only {1 - run.value:.0%}"
        )
        box = _doubtful_box(evidence, run.worst)
        flags.append(Flag("LOW_CONFIDENCE", Severity.WARNING, message, index=run.worst, box=box))
    return flags


def low_confidence_pieces(signs: Signs) -> list[Flag]:
    """Pieces that may be no bone, or only in part."""
    evidence, flags = signs.evidence, []
    low = [one for one in signs.pieces if one.surest < LIMITS.piece_probability]
    for one in sorted(low, key=lambda one: one.surest)[:3]:
        inside = evidence.labels == one.label
        worst = fullest_slice(inside)
        size = evidence.volume(int(inside.sum()))
        message = (
            f"{evidence.name(one.label)} ({size}) may be no bone or only in "
            f"part: even where the network is surest it gives a probability of {one.surest:.0%}"
        )
        box = largest_patch(inside[worst])
        flags.append(
            Flag("LOW_CONFIDENCE", Severity.WARNING, message, index=worst, piece=one.label, box=box)
        )
    return flags


def _doubtful_box(evidence: Evidence, index: int) -> Box | None:
    """Where most of a slice's expected error lies together."""
    p = cleaned_probability(evidence, index)
    wrong = np.where(evidence.mask[index] != 0, 1 - p, p)
    return largest_patch(wrong > LIKELY_WRONG, wrong)


def slices_disagree(signs: Signs) -> list[Flag]:
    """A slice that differs from both neighbours, which agree with each other."""
    evidence = signs.evidence
    lost = signs.steps.lost
    over = {int(k): float(lost[k]) for k in np.flatnonzero(lost > LIMITS.lost)}
    flags = []
    for run in worst_runs(over):
        k = run.worst
        message = (
            f"{slices_text(evidence, run.first, run.last)}: the bone here fits neither the slice "
            "below nor the one above, though those fit each other: bone was missed or added"
        )
        both = (evidence.mask[k - 1] != 0) & (evidence.mask[k + 1] != 0)
        either = (evidence.mask[k - 1] != 0) | (evidence.mask[k + 1] != 0)
        here = evidence.mask[k] != 0
        box = largest_patch((both & ~here) | (here & ~either))
        flags.append(Flag("SLICES_DISAGREE", Severity.WARNING, message, index=k, box=box))
    return flags


def flips_disagree(signs: Signs) -> list[Flag]:
    """Sampled slices that the network draws otherwise when they are mirrored."""
    low = {flip.index: 1 - flip.dice for flip in signs.flips if flip.dice < LIMITS.flip_dice}
    flags = []
    for run in worst_runs(low):
        message = (
            f"slice {signs.evidence.number(run.worst)}: the network draws this slice and its "
            f"mirror image differently, they overlap by {1 - run.value:.0%} "
            f"(of {len(signs.flips)} slices tried)"
        )
        box = _doubtful_box(signs.evidence, run.worst)
        flags.append(Flag("FLIPS_DISAGREE", Severity.WARNING, message, index=run.worst, box=box))
    return flags


def specks_removed(signs: Signs) -> list[Flag]:
    """What was taken out for its smallness, in case it was a chip of bone."""
    cleaned = signs.evidence.cleaned
    what = f"{cleaned.specks_removed} speck{_plural(cleaned.specks_removed)}"
    size = _sum(signs.evidence, cleaned.specks_mm3)
    message = (
        f"{what} ({size} together) removed as too small to be bone: a loose chip may be among them"
    )
    return _taken_out(signs, "SPECKS_REMOVED", message) if cleaned.specks_removed else []


def outside_removed(signs: Signs) -> list[Flag]:
    """What was taken out as lying outside the body."""
    cleaned = signs.evidence.cleaned
    what = f"{cleaned.outside_removed} part{_plural(cleaned.outside_removed)}"
    size = _sum(signs.evidence, cleaned.outside_mm3)
    message = f"{what} ({size} together) removed as lying outside the body (table, cast, object)"
    return _taken_out(signs, "OUTSIDE_REMOVED", message) if cleaned.outside_removed else []


def _taken_out(signs: Signs, code: str, message: str) -> list[Flag]:
    """One flag where most was taken out, of specks or of all else."""
    gone = _removed(signs.evidence, specks=code == "SPECKS_REMOVED")
    worst, box = _largest_change(gone)
    return [Flag(code, Severity.INFO, message, index=worst, box=box)]


def _plural(count: int) -> str:
    return "" if count == 1 else "s"


def holes_filled(signs: Signs) -> list[Flag]:
    """What was filled in, in case it was a real cavity."""
    filled = signs.evidence.cleaned.filled_mm3
    if filled == 0:
        return []
    worst, box = _largest_change(signs.evidence.mask > signs.evidence.predicted)
    large = signs.evidence.spacing_known and filled >= LIMITS.hole_mm3
    message = (
        f"holes of {_sum(signs.evidence, filled)} together were filled: a real cyst, tunnel or "
        "gap may be among them"
    )
    severity = Severity.WARNING if large else Severity.INFO
    return [Flag("HOLES_FILLED", severity, message, index=worst, box=box)]


def _sum(evidence: Evidence, mm3: float) -> str:
    """A volume that the clean-up counted, in words; without a spacing its mm³ are voxels."""
    return volume_text(mm3, evidence.spacing_known)


def _largest_change(changed: NDArray[np.bool_]) -> tuple[int, Box | None]:
    """Slice and box where a volume holds most."""
    worst = fullest_slice(changed)
    return worst, largest_patch(changed[worst])


def _removed(evidence: Evidence, *, specks: bool) -> NDArray[np.bool_]:
    """What the clean-up took away: parts below the limit of specks, or all else."""
    gone = evidence.predicted > evidence.mask
    box = bounding_box(gone)
    if box is None:
        return gone
    parts = cc3d.connected_components(gone[box], connectivity=26)
    small = np.bincount(parts.ravel()) * evidence.grid_voxel < evidence.speck_mm3
    wanted = small if specks else ~small
    wanted[0] = False
    if wanted.any():  # else the small ones lay outside too
        gone[box] = wanted[parts]
    return gone
