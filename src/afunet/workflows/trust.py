"""The confidence in a result: mirrored slices, signs of errors, flags and their pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from afunet.anatomy.bones import Bone
from afunet.findings import Flag
from afunet.formats.scan import Scan
from afunet.geometry import Volume
from afunet.inference.cleanup import CleanUp, CleanUpRules
from afunet.inference.trust.domain import outside, why_low
from afunet.inference.trust.evidence import Evidence
from afunet.inference.trust.flags import raise_flags
from afunet.inference.trust.flips import flip_agreement
from afunet.inference.trust.signs import Signs, measure_signs
from afunet.inference.volume import FreshPrediction
from afunet.models.expected_dice import DiceInterval
from afunet.models.header import Header
from afunet.reconstruction.pieces import Instances
from afunet.report.case.facts import (
    ConfidenceFacts,
    FlagFacts,
    PieceConfidenceFacts,
    SliceConfidenceFacts,
)
from afunet.report.case.flag_picture import flag_picture
from afunet.watch import UNWATCHED, Watch

MOST_PICTURES = 12


@dataclass(frozen=True, eq=False)
class Trust:
    """The measured signs of errors, and the flags that they raise, worst first.

    `outside` says why the scan is unlike those on which the expected Dice was fitted, "" if it is
    like them. `mirrored` is False if no slice was predicted mirrored, to save time.
    """

    signs: Signs
    flags: tuple[Flag, ...]
    outside: str = ""
    mirrored: bool = True


def judge(
    scan: Scan,
    prediction: FreshPrediction,
    mask: Volume,
    instances: Instances,
    cleaned: CleanUp,
    rules: CleanUpRules,
    header: Header,
    *,
    mirrored: bool = True,
    watch: Watch = UNWATCHED,
) -> Trust:
    """Measure a finished mask, in axial order, and its pieces.

    `mirrored` predicts the least sure slices again, mirrored.
    """
    evidence = Evidence.of(
        prediction,
        mask,
        instances.labels,
        cleaned,
        names={piece.measures.label: piece.name for piece in instances.pieces},
        speck_mm3=rules.speck_mm3,
        spacing_known=scan.source.spacing_known,
        positions_known=bool(scan.planes),
        suspected=instances.suspected,
    )
    signs = measure_signs(evidence, header.expected_dice, watch)
    if mirrored:
        predictor = prediction.predictor
        flips = flip_agreement(evidence, signs.slices, predictor, header, watch=watch)
        signs = replace(signs, flips=flips)
    unlike = outside(signs, scan.source.region, _unnamed(instances))
    return Trust(signs, raise_flags(signs), unlike, mirrored)


def _unnamed(instances: Instances) -> float:
    """Return the share of measured bone without a name; 0 if no piece was named."""
    volumes = {True: 0.0, False: 0.0}
    for piece in instances.pieces:
        volumes[piece.bone.bone is Bone.UNKNOWN] += piece.measures.volume_mm3
    return volumes[True] / sum(volumes.values()) if volumes[False] else 0.0


def confidence_facts(trust: Trust, header: Header) -> ConfidenceFacts:
    """Return what the report says about the confidence in every slice and piece.

    The expected Dice is unknown for weights without a fit, and for scans outside the fitted data.
    """
    signs, evidence = trust.signs, trust.signs.evidence
    flips = {flip.index: flip.dice for flip in signs.flips}
    leads = signs.steps.in_slices()
    known = signs.expected and not trust.outside
    intervals = signs.expected if known else (None,) * len(signs.slices)
    slices = tuple(
        SliceConfidenceFacts(
            number=evidence.number(one.index),
            bone_pixels=one.pixels,
            expected_dice=interval,
            probability_dice=one.dice,
            step_from_below=_known(leads[one.index - 1]) if one.index else None,
            flip_dice=flips.get(one.index),
        )
        for one, interval in zip(signs.slices, intervals, strict=True)
    )
    pieces = tuple(
        PieceConfidenceFacts(one.label, one.probability, one.surest, one.unsure_outline)
        for one in signs.pieces
    )
    expected = signs.expected_dice if known else None
    return ConfidenceFacts(
        header.calibration,
        expected,
        slices,
        pieces,
        coverage=signs.model.coverage if signs.model and known else None,
        words=" ".join(filter(None, (_words(trust, expected), _missing(trust)))),
    )


def _words(trust: Trust, expected: DiceInterval | None) -> str:
    """Return the expected Dice in sentences, with its reason and its limits."""
    model = trust.signs.model
    if not trust.signs.slices:
        return ""
    if model is None:
        return (
            "Expected Dice: not calibrated. For these weights the relation between confidence and "
            "errors was never measured."
        )
    if expected is None:
        return (
            "Expected Dice: not known. This scan is unlike those on which it was fitted (knees, "
            f"simulated legs and hips): {trust.outside}."
        )
    why = why_low(trust.signs)
    below = f", lowered because {why}" if why else ""
    return (
        f"Expected Dice (overlap of the mask with the true bone) {expected} for the whole scan, "
        f"most likely {expected.middle:.2f}{below}. The interval should hold for "
        f"{model.coverage:.0%} of scans like this. It never exceeds {model.best:g}, because the "
        "labels are not more exact. Errors of which the network is confident cannot be foreseen."
    )


def _missing(trust: Trust) -> str:
    """Return what was left out to save time, or ""."""
    if trust.mirrored or not trust.signs.slices:
        return ""
    return "Fast: no slice was mirrored, so that the flag FLIPS_DISAGREE is missing."


def flag_facts(trust: Trust) -> tuple[FlagFacts, ...]:
    """Return the flags with slices numbered as in a viewer, from 1."""
    number = trust.signs.evidence.number
    return tuple(
        FlagFacts(
            code=flag.code,
            severity=flag.severity,
            message=flag.message,
            slice=None if flag.index is None else number(flag.index),
            piece=flag.piece,
            box=flag.box,
            doubtful_mm3=flag.doubtful_mm3,
            centre_mm=flag.centre_mm,
        )
        for flag in trust.flags
    )


def flag_pictures(trust: Trust) -> tuple[bytes, ...]:
    """Return PNGs of the slices of the first `MOST_PICTURES` flags, b"" for a flag without one."""
    evidence = trust.signs.evidence
    return tuple(
        b""
        if flag.index is None
        else flag_picture(
            evidence.hu[flag.index],
            evidence.mask[flag.index] != 0,
            flag.box,
            (evidence.spacing_mm[1], evidence.spacing_mm[2]),
            evidence.line_of(flag),
        )
        for flag in trust.flags[:MOST_PICTURES]
    )


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
