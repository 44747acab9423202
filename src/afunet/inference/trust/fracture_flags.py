"""Flags where a bone may be broken into fragments that touch."""

from __future__ import annotations

import numpy as np

from afunet.findings import Flag, Severity
from afunet.inference.trust.signs import Signs
from afunet.inference.trust.suspected import Suspected


def fracture_suspected(signs: Signs) -> list[Flag]:
    """Flag each suspicion, with the bone that would have another name if it is broken."""
    return [_flag(signs, one) for one in signs.evidence.suspected]


def _flag(signs: Signs, one: Suspected) -> Flag:
    evidence, cut, index = signs.evidence, one.suspicion.cut, one.index
    line = one.line(index)
    (top, left), (bottom, right) = np.floor(line.min(axis=0)), np.ceil(line.max(axis=0)) + 1
    words = one.suspicion.in_words(evidence.name(cut.one), evidence.number(index))
    return Flag(
        "FRACTURE_SUSPECTED",
        Severity.WARNING,
        words,
        index=index,
        piece=cut.one,
        box=(int(top), int(left), int(bottom), int(right)),
        doubtful_mm3=cut.probability * one.suspicion.smaller_mm3,
        centre_mm=cut.centre_mm,
    )
