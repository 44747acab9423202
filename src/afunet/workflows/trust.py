"""How sure a result is, told: mirrored slices, measures, flags worst first, their pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from afunet.formats.findings import Flag
from afunet.formats.scan import Scan
from afunet.geometry import Volume
from afunet.inference.cleanup import CleanUp, CleanUpRules
from afunet.inference.predictor import Predictor
from afunet.inference.trust.evidence import Evidence
from afunet.inference.trust.flags import raise_flags
from afunet.inference.trust.flips import flip_agreement
from afunet.inference.trust.signs import Signs, measure_signs
from afunet.inference.volume import Prediction
from afunet.models.checkpoint import Header
from afunet.progress import CancelToken, Progress, silent
from afunet.reconstruction.pieces import Instances
from afunet.report.facts import (
    ConfidenceFacts,
    FlagFacts,
    PieceConfidenceFacts,
    SliceConfidenceFacts,
)
from afunet.report.flag_picture import flag_picture

MOST_PICTURES = 12


@dataclass(frozen=True, eq=False)
class Trust:
    """What was measured, and the flags it raises, worst first."""

    signs: Signs
    flags: tuple[Flag, ...]


def judge(
    scan: Scan,
    prediction: Prediction,
    mask: Volume,
    instances: Instances,
    cleaned: CleanUp,
    rules: CleanUpRules,
    predictor: Predictor,
    header: Header,
    *,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> Trust:
    """Measure a finished mask and its pieces; a few slices are mirrored and predicted again."""
    evidence = Evidence.of(
        scan.volume,
        prediction,
        mask,
        instances.labels,
        cleaned,
        names={piece.measures.label: piece.name for piece in instances.pieces},
        speck_mm3=rules.speck_mm3,
        spacing_known=scan.source.spacing_known,
    )
    again = Predictor(predictor.engine, predictor.patch_px, predictor.overlap)
    flips = flip_agreement(evidence, again, header, progress=progress, cancel=cancel)
    signs = measure_signs(evidence, flips)
    return Trust(signs, raise_flags(signs))


def confidence_facts(trust: Trust, header: Header) -> ConfidenceFacts:
    """What the report tells of every slice and piece."""
    signs, evidence = trust.signs, trust.signs.evidence
    flips = {flip.index: flip.dice for flip in signs.flips}
    leads = signs.steps.in_slices()
    slices = tuple(
        SliceConfidenceFacts(
            number=evidence.number(one.index),
            bone_pixels=one.pixels,
            expected_dice=one.dice,
            expected_precision=one.precision,
            step_from_below=_known(leads[one.index - 1]) if one.index else None,
            flip_dice=flips.get(one.index),
        )
        for one in signs.slices
    )
    pieces = tuple(
        PieceConfidenceFacts(one.label, one.probability, one.surest, one.unsure_outline)
        for one in signs.pieces
    )
    return ConfidenceFacts(header.calibration, signs.expected_dice, slices, pieces)


def flag_facts(trust: Trust) -> tuple[FlagFacts, ...]:
    """The flags with slices numbered as a viewer numbers them."""
    number = trust.signs.evidence.number
    return tuple(
        FlagFacts(
            code=flag.code,
            severity=flag.severity,
            message=flag.message,
            slice=None if flag.index is None else number(flag.index),
            piece=flag.piece,
            box=flag.box,
        )
        for flag in trust.flags
    )


def flag_pictures(trust: Trust) -> tuple[bytes, ...]:
    """PNGs of the slices of the first `MOST_PICTURES` flags, b"" for one about no slice."""
    evidence = trust.signs.evidence
    return tuple(
        b""
        if flag.index is None
        else flag_picture(
            evidence.hu[flag.index],
            evidence.mask[flag.index] != 0,
            flag.box,
            (evidence.spacing_mm[1], evidence.spacing_mm[2]),
        )
        for flag in trust.flags[:MOST_PICTURES]
    )


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
