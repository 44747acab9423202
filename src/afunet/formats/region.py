"""Guess from the header which part of the body a scan shows."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Searched in this order: a region that is part of a larger one comes first.
REGION_WORDS: tuple[tuple[str, str], ...] = (
    ("ankle", "ANKLE|CALCANEUS|OSG|SPRUNGGELENK"),
    ("foot", "FOOT|FEET|FUSS"),
    ("knee", "KNEES?|KNIE|GENOU"),
    ("hip", "HIPS?|HUEFTE"),
    ("thigh", "THIGHS?|FEMUR|UPPER ?LEGS?"),
    ("lower leg", "LOWER ?LEGS?|TIBIA|CALF|CRUS"),
    ("legs", "LEGS?|LOWER ?LIMBS?|LOWER ?EXTREMIT(Y|IES)"),
    ("pelvis", "PELVIS|PELVIC|BECKEN"),
    ("arm", "ARMS?|SHOULDER|HUMERUS|ELBOW|FOREARM|WRIST|HAND|UPPER ?EXTREMIT(Y|IES)"),
    ("trunk", "ABDOMEN|CHEST|THORAX|SPINE|[CTL]SPINE"),
    ("head", "HEAD|BRAIN|SKULL|NECK"),
    ("whole body", "WHOLE ?BODY"),
)


@dataclass(frozen=True)
class Region:
    """A guess at the body region and its basis, which is "" for "unknown".

    `body_part` is the word of BodyPartExamined that the guess is based on, "" for another basis.
    """

    name: str = "unknown"
    basis: str = ""
    body_part: str = ""


def guess_region(body_part: str, descriptions: tuple[str, ...], patient_position: str) -> Region:
    """Guess from BodyPartExamined, then the descriptions, then the patient position.

    These are free text and may name anybody: only the word that was searched for is kept.
    """
    if named := _named_region(body_part):
        return Region(named[0], "BodyPartExamined", named[1])
    for description in descriptions:
        if named := _named_region(description):
            return Region(named[0], "protocol or description")
    if patient_position.startswith("FF"):
        return Region("lower body", "the patient went in feet first")
    return Region()


def _named_region(text: str) -> tuple[str, str] | None:
    """The region and the word that names it."""
    for name, words in REGION_WORDS:
        if found := re.search(rf"(?<![A-Z])({words})(?![A-Z])", text.upper()):
            return name, found[0]
    return None
